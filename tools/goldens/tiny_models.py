"""Tiny random checkpoints of every architecture and what transformers computes from them.

    python tiny_models.py            # all of them
    python tiny_models.py llama_gqa  # some

Each goes to tests/goldens/models/NAME/ (README.md beside this script says what is in it). A seed that makes a near-tie
anywhere is refused and the next one taken; the seed used is in golden.safetensors' metadata.
"""

import shutil
import sys
import tempfile

from common import *
from models_table import MODELS
from weights import deepseek_weights, llama_weights

GREEDY = 16
# Linears that the published FP8 checkpoints quantise: everything but embeddings, norms, the gate, weights_proj, eh_proj.
FP8_SUFFIXES = ("_proj.weight", "kv_a_proj_with_mqa.weight", "indexer.wq_b.weight", "indexer.wk.weight")


def to_published_types(tensors, kind):
    """kind: f32, bf16, f16, fp8 (power-of-two scales) or fp8_any (arbitrary scales)."""
    out = {}
    for name, tensor in tensors.items():
        if kind == "f32" or name.endswith("e_score_correction_bias"):
            out[name] = tensor
        elif kind in ("bf16", "f16"):
            out[name] = tensor.to(torch.bfloat16 if kind == "bf16" else torch.float16)
        elif name.endswith(FP8_SUFFIXES) and not name.endswith(("weights_proj.weight", "eh_proj.weight")):
            out[name], out[name + "_scale_inv"] = quantise_blocks(tensor, kind == "fp8")
        elif "k_norm" in name:
            out[name] = tensor
        else:
            out[name] = tensor.to(torch.bfloat16)
    return out


def shard_of(kind, tensors):
    """Two or three shards; every weight_scale_inv lies in another shard than its weight."""
    names = sorted(tensors)

    def place(name):
        if kind == "scales_apart":
            return 2 if name.endswith("_scale_inv") else 0 if names.index(name) % 2 else 1
        return names.index(name) * 3 // len(names)

    return place if kind else None


def make(name, spec, seed):
    config, folder = spec["config"], GOLDENS / "models" / name
    init = Init(seed)
    builder = deepseek_weights if "kv_lora_rank" in config else llama_weights
    tensors = to_published_types(builder(init, config), spec.get("kind", "f32"))
    save_checkpoint(folder, config, tensors, shard_of(spec.get("shards"), tensors))
    tokens = init.tokens(spec["T"], config["vocab_size"])

    with tempfile.TemporaryDirectory() as temporary:
        source = folder
        if spec.get("kind", "").startswith("fp8"):
            source = pathlib.Path(temporary)
            plain = {k: v for k, v in config.items() if k != "quantization_config"}
            save_checkpoint(source, plain, dequantised(tensors))
        model, unexpected = load_model(source)
        dense_model = load_model(source, index_topk=1 << 20)[0] if "index_topk" in config else None
    mtp = f"model.layers.{config['num_hidden_layers']}."
    assert all(key.startswith(mtp) for key in unexpected), unexpected

    sequence = greedy(model, tokens, GREEDY)
    recorder = Recorder()
    recorder.attach(model)
    all_logits = run(model, sequence, recorder)
    recorder.refuse_near_ties()
    logits = all_logits[: len(tokens)]
    assert torch.isfinite(logits).all()

    golden = {"tokens": tokens, "logits": logits.contiguous(), "greedy": sequence[len(tokens) :].contiguous()}
    for layer, chosen in recorder.selected.items():
        golden[f"selected.{layer}"] = chosen[: len(tokens), : len(tokens)].contiguous()
    for layer, chosen in recorder.experts.items():
        golden[f"experts.{layer}"] = chosen[: len(tokens)].contiguous()
    save_file(golden, folder / "golden.safetensors", metadata={"seed": str(seed)})

    size = sum(file.stat().st_size for file in folder.iterdir())
    line = f"{name}: seed {seed}, {size / 1000:.0f} kB, logit std {logits.std():.2f}"
    if dense_model is not None:
        change = (run(dense_model, tokens) - logits).abs().max() / logits.std()
        line += f", dense differs by {change:.2f} std, rows tied at the threshold {recorder.tie_rows}"
        assert change > 0.2 or config["index_topk"] >= spec["T"], line
    print(line, flush=True)


def main(names):
    for name in names or MODELS:
        for seed in range(200):
            try:
                make(name, MODELS[name], seed)
                break
            except Refused as reason:
                print(f"  {name}: seed {seed} refused: {reason}", flush=True)
        else:
            shutil.rmtree(GOLDENS / "models" / name)
            raise SystemExit(f"{name}: no seed without near-ties")


if __name__ == "__main__":
    main(sys.argv[1:])
