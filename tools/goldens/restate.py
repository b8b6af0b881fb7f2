"""The DeepSeek family restated in torch, from the published description (docs/checkpoints.md).

Two uses: in plain arithmetic it must equal transformers, which proves that we read both the same way; with demo=True it
adds the roundings of the official FP8 demo (inference/model.py as corrected on 17 Nov 2025), which transformers leaves
out. `wrong` breaks one thing on purpose, to see that a model's golden would notice.

    python restate.py    # every DeepSeek and GLM model: distance to transformers, and what each mistake would change
"""

import json
import math
import sys

from common import *


def act_quant(x):
    """Per 128 elements of the last dimension (the last group may be shorter): e4m3 times a power of two, and back."""
    out = torch.empty_like(x)
    for first in range(0, x.shape[-1], BLOCK):
        group = x[..., first : first + BLOCK]
        amax = group.abs().amax(dim=-1, keepdim=True).float().clamp_min(1e-4)
        mantissa, exponent = torch.frexp(amax / FP8_MAX)  # amax / 448 = mantissa * 2^exponent, mantissa in [0.5, 1)
        scale = torch.exp2(exponent - (mantissa == 0.5).int()).to(x.dtype)
        value = (group / scale).clamp(-FP8_MAX, FP8_MAX).float().to(torch.float8_e4m3fn)
        out[..., first : first + BLOCK] = value.to(x.dtype) * scale
    return out


def hadamard(x):
    """Sylvester's matrix times size^-1/2."""
    h = torch.ones(1, 1, dtype=x.dtype)
    while h.shape[0] < x.shape[-1]:
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)], 0)
    return x @ h * x.shape[-1] ** -0.5


def bf16(x):
    return x.to(torch.bfloat16).to(x.dtype)


class DeepSeek:
    def __init__(self, config, tensors, demo=False, dtype=torch.float32, wrong="", cache_bf16=False):
        self.c, self.demo, self.dtype, self.wrong, self.cache_bf16 = config, demo, dtype, wrong, cache_bf16
        self.fp8 = {name for name in tensors if name + "_scale_inv" in tensors}
        self.w = {name: tensor.to(dtype) for name, tensor in dequantised(tensors).items()}
        self.selected, self.experts = {}, {}
        self.forced_selected, self.forced_experts = {}, {}  # layer -> what to use instead of its own choice

    # ---- pieces ----
    def linear(self, name, x):
        if self.demo and name + ".weight" in self.fp8:
            x = act_quant(x)
        y = x @ self.w[name + ".weight"].T
        return y + self.w[name + ".bias"] if name + ".bias" in self.w else y

    def rms(self, name, x, eps):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * self.w[name + ".weight"]

    def rope_setup(self, count):
        c, dim = self.c, self.c["qk_rope_head_dim"]
        rope = c.get("rope_parameters") or {**(c.get("rope_scaling") or {}), "rope_theta": c["rope_theta"]}
        freq = rope["rope_theta"] ** -(torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        self.scale, stretch = (c["qk_nope_head_dim"] + dim) ** -0.5, 1.0
        if rope.get("type") == "yarn":
            factor, original, base = rope["factor"], rope["original_max_position_embeddings"], rope["rope_theta"]

            def pair_of(turns):
                return dim * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(base))

            low = max(math.floor(pair_of(rope["beta_fast"])), 0)
            high = min(math.ceil(pair_of(rope["beta_slow"])), dim - 1)
            ramp = ((torch.arange(dim // 2, dtype=torch.float64) - low) / max(high - low, 0.001)).clamp(0, 1)
            freq = freq * (1 - ramp) + freq / factor * ramp
            m = 0.1 * rope["mscale_all_dim"] * math.log(factor) + 1
            stretch = (0.1 * rope["mscale"] * math.log(factor) + 1) / m
            self.scale *= m * m
        angle = torch.arange(count, dtype=torch.float64).unsqueeze(1) * freq
        self.cos, self.sin = (angle.cos() * stretch).to(self.dtype), (angle.sin() * stretch).to(self.dtype)

    def rope(self, x, interleaved, rows=slice(None)):
        """x [T, heads, dim], at positions `rows`."""
        cos, sin = self.cos[rows].unsqueeze(1), self.sin[rows].unsqueeze(1)
        if interleaved:
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    # ---- layers ----
    def select(self, p, layer, x, latent, rows):
        """Which positions the queries at `rows` (latent has those rows only) attend to: bool [rows, T]."""
        c, rope = self.c, self.c["qk_rope_head_dim"]
        heads, dim, count = c["index_n_heads"], c["index_head_dim"], len(x)
        q = self.linear(p + "indexer.wq_b", latent).view(len(rows), heads, dim)
        k = self.linear(p + "indexer.wk", x)
        mean, variance = k.mean(-1, keepdim=True), k.var(-1, keepdim=True, correction=0)
        k = (k - mean) * torch.rsqrt(variance + 1e-6) * self.w[p + "indexer.k_norm.weight"]
        if self.wrong != "indexer k_norm bias":
            k = k + self.w[p + "indexer.k_norm.bias"]
        k = k.unsqueeze(1)
        interleaved = c.get("indexer_rope_interleave", False) != (self.wrong == "indexer rope layout")
        part = slice(dim - rope, dim) if self.wrong == "indexer rope on last dims" else slice(0, rope)
        q, k = q.clone(), k.clone()
        q[..., part] = self.rope(q[..., part], interleaved, rows)
        k[..., part] = self.rope(k[..., part], interleaved)
        if self.demo:
            q, k = (act_quant(bf16(hadamard(bf16(v)))) for v in (q, k))
        elif self.cache_bf16:
            k = bf16(k)
        weights = x[rows] @ self.w[p + "indexer.weights_proj.weight"].T * heads**-0.5 * dim**-0.5
        dots = torch.einsum("thd,sd->ths", q, k[:, 0])
        if self.wrong == "relu after weight":
            scores = torch.relu(dots * weights.unsqueeze(-1)).sum(1)
        else:
            scores = torch.einsum("ths,th->ts", torch.relu(dots), weights)
        scores = scores.masked_fill(torch.arange(count) > rows.unsqueeze(1), -math.inf)
        self.scores = scores
        topk = min(c["index_topk"], count)
        if self.wrong == "ties to the higher":
            chosen = count - 1 - stable_topk(scores.flip(-1), topk).indices
        else:
            chosen = stable_topk(scores, topk).indices
        self.selected[layer] = visible_selection(chosen, rows)
        picked = self.forced_selected.get(layer, self.selected[layer]).long()
        mask = torch.zeros(len(rows), count + 1, dtype=torch.bool)
        mask.scatter_(1, torch.where(picked < 0, count, picked), True)
        return mask[:, :count]

    def attention(self, p, layer, x, allowed, rows=None):
        """MLA in its absorbed form: one latent and one rotated key a token, shared by all heads. rows: which queries."""
        rows = torch.arange(len(x)) if rows is None else rows
        c, count = self.c, len(x)
        heads, rank, nope = c["num_attention_heads"], c["kv_lora_rank"], c["qk_nope_head_dim"]
        rope, value = c["qk_rope_head_dim"], c["v_head_dim"]
        latent = None
        if c["q_lora_rank"] is None:
            q = self.linear(p + "q_proj", x[rows])
        else:
            latent = self.rms(p + "q_a_layernorm", self.linear(p + "q_a_proj", x[rows]), 1e-6)
            q = self.linear(p + "q_b_proj", latent)
        q_nope, q_pe = q.view(len(rows), heads, nope + rope).split([nope, rope], -1)
        entry, k_pe = self.linear(p + "kv_a_proj_with_mqa", x).split([rank, rope], -1)
        entry = self.rms(p + "kv_a_layernorm", entry, 1e-6)
        interleaved = self.wrong != "attention rope layout"
        q_pe, k_pe = self.rope(q_pe, interleaved, rows), self.rope(k_pe.unsqueeze(1), interleaved)[:, 0]
        if self.demo:
            entry, k_pe = act_quant(entry), bf16(k_pe)
        elif self.cache_bf16:
            entry, k_pe = bf16(entry), bf16(k_pe)
        if f"{p}indexer.wk.weight" in self.w:
            allowed = self.select(p, layer, x, latent, rows)
        elif allowed is None:
            allowed = torch.arange(count) <= rows.unsqueeze(1)
        kv_b = self.w[p + "kv_b_proj.weight"].view(heads, nope + value, rank)
        q_c = torch.einsum("thd,hdr->thr", q_nope, kv_b[:, :nope])
        scores = torch.einsum("thr,sr->hts", q_c, entry) + torch.einsum("thd,sd->hts", q_pe, k_pe)
        scale = self.scale if self.wrong != "softmax scale" else self.scale * 1.02
        mask = allowed if self.wrong != "dense" else torch.arange(count) <= rows.unsqueeze(1)
        prob = torch.softmax((scores * scale).masked_fill(~mask, -math.inf), -1)
        out = torch.einsum("hts,sr->thr", prob, entry)
        out = torch.einsum("thr,hdr->thd", out, kv_b[:, nope:]).flatten(1)
        return self.linear(p + "o_proj", out), allowed

    def mlp(self, p, x):
        gate, up = self.linear(p + "gate_proj", x), self.linear(p + "up_proj", x)
        return self.linear(p + "down_proj", gate * torch.sigmoid(gate) * up)

    def moe(self, p, layer, x):
        c, experts = self.c, self.c["n_routed_experts"]
        s = torch.sigmoid(x @ self.w[p + "gate.weight"].T)
        biased = s if self.wrong == "gate bias" else s + self.w[p + "gate.e_score_correction_bias"]
        groups = biased.view(len(x), c["n_group"], -1)
        best = 1 if self.wrong == "group score of one" else min(2, groups.shape[-1])
        score = stable_topk(groups, best).values.sum(-1)
        keep = torch.zeros_like(score, dtype=torch.bool)
        keep.scatter_(1, stable_topk(score, c["topk_group"]).indices, True)
        keep = keep.repeat_interleave(experts // c["n_group"], 1)
        fill = 0.0 if self.wrong == "group mask of 0" else -math.inf
        if self.wrong != "no group mask":
            biased = biased.masked_fill(~keep, fill)
        ids = stable_topk(biased, c["num_experts_per_tok"]).indices
        self.experts[layer] = ids.int()
        self.biased = biased
        ids = self.forced_experts.get(layer, ids).long()
        weight = (biased if self.wrong == "biased weights" else s).gather(1, ids)
        if c["norm_topk_prob"]:
            weight = weight / weight.sum(-1, keepdim=True)
        weight = self.expert_weights = weight * c["routed_scaling_factor"]
        out = self.mlp(p + "shared_experts.", x)
        for e in range(experts):
            row, slot = torch.where(ids == e)
            if len(row):
                out[row] += self.mlp(f"{p}experts.{e}.", x[row]) * weight[row, slot, None]
        return out

    def forward(self, tokens):
        c, eps = self.c, self.c["rms_norm_eps"]
        self.rope_setup(len(tokens))
        x, allowed = self.w["model.embed_tokens.weight"][tokens], None
        for layer in range(c["num_hidden_layers"]):
            p = f"model.layers.{layer}."
            out, allowed = self.attention(p + "self_attn.", layer, self.rms(p + "input_layernorm", x, eps), allowed)
            x = x + out
            h = self.rms(p + "post_attention_layernorm", x, eps)
            moe = layer >= c["first_k_dense_replace"]
            x = x + (self.moe(p + "mlp.", layer, h) if moe else self.mlp(p + "mlp.", h))
        return self.rms("model.norm", x, eps) @ self.w["lm_head.weight"].T


WRONG = [
    "attention rope layout",
    "softmax scale",
    "gate bias",
    "group score of one",
    "group mask of 0",
    "no group mask",
    "biased weights",
    "indexer rope layout",
    "indexer rope on last dims",
    "indexer k_norm bias",
    "relu after weight",
    "ties to the higher",
    "dense",
]


def load_tensors(folder):
    tensors = {}
    for file in sorted(folder.glob("model*.safetensors")):
        tensors.update(load_file(file))
    return tensors


def main(names):
    for folder in sorted((GOLDENS / "models").iterdir()):
        config = json.loads((folder / "config.json").read_text())
        if "kv_lora_rank" not in config or (names and folder.name not in names):
            continue
        tensors, golden = load_tensors(folder), load_file(folder / "golden.safetensors")
        logits, std = golden["logits"].double(), golden["logits"].std().item()

        def distance(**kwargs):
            model = DeepSeek(config, tensors, **kwargs)
            return (model.forward(golden["tokens"]).double() - logits).abs().max().item() / std, model

        error64, model = distance(dtype=torch.float64)
        error32, _ = distance()
        for layer, chosen in model.selected.items():
            assert torch.equal(chosen, golden[f"selected.{layer}"]), (folder.name, "selected", layer)
        for layer, chosen in model.experts.items():
            assert torch.equal(chosen, golden[f"experts.{layer}"]), (folder.name, "experts", layer)
        print(f"{folder.name}: max |difference| / std: {error64:.1e} in float64, {error32:.1e} in float32")
        assert max(error64, error32) < 5e-5
        noticed = [f"{wrong} {distance(wrong=wrong)[0]:.2f}" for wrong in WRONG]
        print("    mistakes, in std:", ", ".join(noticed), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
