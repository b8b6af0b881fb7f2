"""What every golden script shares: seeded weights, checkpoint folders, and a transformers run whose choices are recorded."""

import contextlib
import json
import math
import os
import pathlib
import zlib

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
torch.set_grad_enabled(False)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

GOLDENS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens"
FP8_MAX = 448.0
BLOCK = 128

# A golden is refused when a choice hangs on less than this fraction of its row's standard deviation.
CHOICE_GAP = 1e-5
# The greedy continuation must not hang on less than this fraction of the row's standard deviation.
GREEDY_GAP = 2e-3


class Refused(Exception):
    """This seed makes a near-tie: take the next one."""


class Init:
    """Random tensors, each from a generator of its own (seed and name), so that adding one does not move the others."""

    def __init__(self, seed):
        self.seed = seed

    def _generator(self, name):
        return torch.Generator().manual_seed(zlib.crc32(f"{self.seed}/{name}".encode()))  # it keeps only 32 bits

    def normal(self, name, *shape, std=1.0, mean=0.0):
        return torch.randn(*shape, generator=self._generator(name)) * std + mean

    def uniform(self, name, *shape, low, high):
        return torch.rand(*shape, generator=self._generator(name)) * (high - low) + low

    def linear(self, name, rows, cols, gain=1.0):
        return self.normal(name, rows, cols, std=gain / math.sqrt(cols))

    def norm(self, name, dim):
        return self.uniform(name, dim, low=0.5, high=1.5)

    def tokens(self, count, vocab):
        return torch.randint(0, vocab, (count,), generator=self._generator("tokens"))


def stable_topk(values, k, dim=-1, largest=True, sorted=True):
    """topk whose ties go to the lower position: transformers leaves them to torch, which promises nothing."""
    assert largest
    order = torch.sort(values, dim=dim, descending=True, stable=True)
    return torch.return_types.topk((order.values.narrow(dim, 0, k), order.indices.narrow(dim, 0, k)))


class Recorder:
    """Collects what a transformers model chose in one forward pass, and how near each choice was to another one."""

    def __init__(self):
        self.selected = {}  # layer -> [T, topk] positions, ascending, -1 past the count
        self.experts = {}  # layer -> [T, k] experts, descending biased score
        self.choices = []  # (what, values [rows, n], k) to be checked for near-ties
        self.dots = None  # indexer q.k before the ReLU, of the call in flight
        self.tie_rows = 0
        self._inside = None

    def topk(self, values, k, dim=-1, largest=True, sorted=True):
        # three dimensions: the best two inside each expert group, whose sum does not jump at a tie
        if self._inside is not None and not (self._inside[0] == "gate" and values.dim() == 3):
            self.choices.append((self._inside, values.detach().reshape(-1, values.shape[-1]), k, self.dots))
        return stable_topk(values, k, dim, largest, sorted)

    def relu(self, x, *args):
        if self._inside is not None:
            self.dots = x.detach()
        return torch.clamp_min(x, 0)

    def attach(self, model):
        def enter(what):
            def hook(module, args, kwargs):
                self._inside = what

            return hook

        for layer, block in enumerate(model.model.layers):
            indexer = getattr(block.self_attn, "indexer", None)
            if indexer is not None:
                indexer.register_forward_pre_hook(enter(("indexer", layer)), with_kwargs=True)
                indexer.register_forward_hook(self._selection_hook(layer))
            gate = getattr(block.mlp, "gate", None)
            if gate is not None and hasattr(gate, "e_score_correction_bias"):
                gate.register_forward_pre_hook(enter(("gate", layer)), with_kwargs=True)
                gate.register_forward_hook(self._gate_hook(layer))

    def _selection_hook(self, layer):
        def hook(module, args, output):
            self._inside, self.dots = None, None
            self.selected[layer] = visible_selection(output[0])

        return hook

    def _gate_hook(self, layer):
        def hook(module, args, output):
            self._inside = None
            self.experts[layer] = output[2].to(torch.int32)

        return hook

    @contextlib.contextmanager
    def recording(self):
        saved = torch.topk, torch.Tensor.topk, F.relu
        torch.topk, torch.Tensor.topk, F.relu = self.topk, lambda *a, **k: self.topk(*a, **k), self.relu
        try:
            yield self
        finally:
            torch.topk, torch.Tensor.topk, F.relu = saved

    def refuse_near_ties(self):
        for (what, layer), values, k, dots in self.choices:
            for t, row in enumerate(values):
                visible = row[: t + 1] if what == "indexer" else row[torch.isfinite(row)]
                self.tie_rows += check_choice(what, layer, t, visible, k, dots)


def check_choice(what, layer, t, scores, k, dots):
    """Refuses a row whose k-th place is nearly shared. Returns 1 if it is exactly shared (a tie at zero)."""
    if len(scores) <= k:
        return 0
    ordered = torch.sort(scores, descending=True).values
    limit = CHOICE_GAP * scores.std().item()
    threshold = ordered[k - 1]
    above, below = ordered[ordered > threshold], ordered[ordered < threshold]
    tied = bool(ordered[k] == threshold)
    if tied and not (what == "indexer" and threshold == 0):
        raise Refused(f"{what} layer {layer} row {t}: tie at {threshold}")
    if len(below) and threshold - below[0] < limit:
        raise Refused(f"{what} layer {layer} row {t}: gap {threshold - below[0]:.2e} below")
    if tied:
        if len(above) and above[-1] - threshold < limit:
            raise Refused(f"{what} layer {layer} row {t}: gap {above[-1] - threshold:.2e} above a tie")
        # every head of a tied entry must be switched off clearly, or another summation order breaks the tie
        near = dots[0, t][:, : t + 1][:, scores == 0].abs().min()
        if near < 1e-5 * dots[0, t].std():
            raise Refused(f"{what} layer {layer} row {t}: a head of a tied entry is nearly switched on")
    return int(tied)


def visible_selection(indices, position=None):
    """[T, topk] chosen positions in any order, with invisible ones -> ascending, -1 past the count."""
    position = (torch.arange(len(indices)) if position is None else position).unsqueeze(1)
    hidden = indices.long() > position
    ordered = torch.where(hidden, torch.iinfo(torch.int32).max, indices.long()).sort(dim=-1).values
    return torch.where(ordered > position, -1, ordered).to(torch.int32)


def quantise_blocks(weight, power_of_two):
    """[out, in] -> E4M3 and one float32 scale per 128x128 block (weight = fp8 * scale)."""
    rows, cols = weight.shape
    scale = torch.empty(-(-rows // BLOCK), -(-cols // BLOCK))
    quantised = torch.empty(rows, cols, dtype=torch.float8_e4m3fn)
    for i in range(scale.shape[0]):
        for j in range(scale.shape[1]):
            part = (slice(i * BLOCK, (i + 1) * BLOCK), slice(j * BLOCK, (j + 1) * BLOCK))
            s = weight[part].abs().max().clamp_min(1e-4) / FP8_MAX
            scale[i, j] = torch.exp2(torch.ceil(torch.log2(s))) if power_of_two else s
            quantised[part] = (weight[part] / scale[i, j]).clamp(-FP8_MAX, FP8_MAX).to(torch.float8_e4m3fn)
    return quantised, scale


def dequantise_blocks(quantised, scale):
    rows, cols = quantised.shape
    full = scale.repeat_interleave(BLOCK, 0)[:rows].repeat_interleave(BLOCK, 1)[:, :cols]
    return quantised.float() * full


def dequantised(tensors):
    """The float32 twin of a published state dict: no FP8, no scales."""
    twin = {}
    for name, tensor in tensors.items():
        if name.endswith(".weight_scale_inv"):
            continue
        scale = tensors.get(name + "_scale_inv")
        twin[name] = dequantise_blocks(tensor, scale) if scale is not None else tensor.float()
    return twin


def save_checkpoint(folder, config, tensors, shard_of=None):
    """Writes config.json and one safetensors file, or one per value of shard_of(name) with an index."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("model*.safetensors*")]:
        old.unlink()
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    if shard_of is None:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    shards = {}
    for name, tensor in tensors.items():
        shards.setdefault(shard_of(name), {})[name] = tensor
    weight_map = {}
    for i, key in enumerate(sorted(shards)):
        file = f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors"
        save_file(shards[key], folder / file, metadata={"format": "pt"})
        weight_map.update({name: file for name in shards[key]})
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def load_model(folder, **overrides):
    """transformers, float32, eager, one expert at a time; every weight must have been found in the file."""
    config = transformers.AutoConfig.from_pretrained(folder)
    for key, value in overrides.items():
        setattr(config, key, value)
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        config=config,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    assert not info["missing_keys"], info["missing_keys"]
    assert not info["mismatched_keys"], info["mismatched_keys"]
    model.eval()
    for name, p in model.named_parameters():
        assert p.dtype == torch.float32, name
    return model, sorted(info["unexpected_keys"])


def run(model, tokens, recorder=None):
    """Logits [T, vocab] of one pass without a cache, ties to the lower position."""
    with (recorder or Recorder()).recording():
        return model(input_ids=tokens.unsqueeze(0), use_cache=False).logits[0]


def greedy(model, tokens, count):
    """The continuation by whole passes over the growing sequence: nothing depends on a cache's arithmetic."""
    sequence = tokens.clone()
    for _ in range(count):
        row = run(model, sequence)[-1]
        best = torch.topk(row, 2).values
        if best[0] - best[1] < GREEDY_GAP * row.std():
            raise Refused(f"greedy token {len(sequence)}: margin {(best[0] - best[1]) / row.std():.1e} std")
        sequence = torch.cat([sequence, row.argmax().reshape(1)])
    return sequence


__all__ = [name for name in dir() if not name.startswith("_")]
