#!/usr/bin/env python3
"""Writes tests/goldens/models_gguf: tiny GGUF models, laid out as llama.cpp's converter lays them out.

  python tools/goldens/gguf/make_tiny.py        (after tiny_models.py; ../requirements.txt)

Twins hold the exact weights of tests/goldens/models/NAME, so that folder's golden.safetensors is theirs too.
Quantised models have rows that are whole blocks and a golden of their own, NAME.golden.safetensors: the answers of
transformers on the weights the gguf package dequantises (tokens I64 [T], logits F32 [T, vocab], greedy I64 [16]).
"""
import json
import math
import pathlib
import sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import common  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM, LlamaConfig  # noqa: E402

import gguf  # noqa: E402
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T  # noqa: E402
from gguf.quants import dequantize, quantize  # noqa: E402

OUT = common.GOLDENS / "models_gguf"
TWINS = ["llama_rope_llama3", "qwen2", "qwen3"]
PLAIN = {torch.float32: T.F32, torch.float16: T.F16, torch.bfloat16: T.BF16}
LAYER = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
         "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
MODEL = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def gguf_name(name):
    if name in MODEL:
        return MODEL[name]
    _, _, layer, rest = name.split(".", 3)
    module, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{LAYER[module]}.{kind}"


def interleave(rows, heads):
    """Half-split rotary rows to ggml's neighbouring pairs: rows i and i + half of each head become 2i and 2i + 1."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def heads_of(name, config):
    if config["model_type"] != "llama":
        return 0
    if ".q_proj." in name:
        return config["num_attention_heads"]
    return config["num_key_value_heads"] if ".k_proj." in name else 0


def llama3_factors(config, head_dim):
    """What llama.cpp's converter stores as rope_freqs.weight."""
    s = config["rope_scaling"]
    low = s["original_max_position_embeddings"] / s["low_freq_factor"]
    high = s["original_max_position_embeddings"] / s["high_freq_factor"]
    out = []
    for i in range(0, head_dim, 2):
        wavelength = 2 * math.pi * config["rope_theta"] ** (i / head_dim)
        if wavelength < high:
            out.append(1.0)
        elif wavelength > low:
            out.append(s["factor"])
        else:
            smooth = (s["original_max_position_embeddings"] / wavelength - s["low_freq_factor"]) / (
                s["high_freq_factor"] - s["low_freq_factor"])
            out.append(1 / ((1 - smooth) / s["factor"] + smooth))
    return np.array(out, np.float32)


def write(name, config, tensors):
    """tensors: HF name -> (array as stored, in HF row order, GGML type)."""
    arch = config["model_type"]
    w = gguf.GGUFWriter(OUT / f"{name}.gguf", arch)
    head_dim = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    w.add_name(f"dsa test model {name}")
    w.add_block_count(config["num_hidden_layers"])
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_head_count_kv(config["num_key_value_heads"])
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_rope_freq_base(config["rope_theta"])
    w.add_key_length(head_dim)
    w.add_value_length(head_dim)
    w.add_vocab_size(config["vocab_size"])
    if config.get("rope_scaling"):
        w.add_tensor("rope_freqs.weight", llama3_factors(config, head_dim))
    for hf, (array, kind) in tensors.items():
        if heads := heads_of(hf, config):
            array = interleave(array, heads)
        w.add_tensor(gguf_name(hf), np.ascontiguousarray(array), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def stored(tensor):
    kind = PLAIN[tensor.dtype]
    if kind == T.BF16:
        return tensor.view(torch.uint16).numpy().view(np.uint8).reshape(*tensor.shape[:-1], -1), kind
    return tensor.numpy(), kind


def twin(name):
    folder = common.GOLDENS / "models" / name
    config = json.loads((folder / "config.json").read_text())
    tensors = {}
    for file in sorted(folder.glob("model*.safetensors")):
        tensors.update(load_file(file))
    # the format keeps vectors in F32
    write(name, config, {n: stored(t if t.dim() == 2 else t.float()) for n, t in tensors.items()})


def random_blocks(kind, rows, cols, rng):
    """K-quants cannot be made by the gguf package: random bits under scales that give weights of a usual size."""
    block, size = GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (rows * cols // block, size), dtype=np.uint8)
    halves = {T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}[kind]
    for at in halves:
        raw[:, at : at + 2] = np.ones(len(raw), np.float16).view(np.uint8).reshape(-1, 2)
    typical = dequantize(raw, kind).std()
    scale = rng.uniform(0.5, 1.5, len(raw)) / typical / math.sqrt(cols)
    for at in halves:
        # dmin in proportion, so that minima shift each block differently
        raw[:, at : at + 2] = scale.astype(np.float16).view(np.uint8).reshape(-1, 2)
    return raw.reshape(rows, cols // block * size)


def quantised_model(name, seed, config, kinds):
    """Every matrix in one of `kinds`, in turn."""
    rng = np.random.default_rng(seed)
    init = common.Init(seed)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**config), attn_implementation="eager").float().eval()
    tensors, values, turn = {}, {}, 0
    for n, p in model.state_dict().items():
        if p.dim() == 1:
            value = init.normal(n, p.shape[0], std=0.5) if n.endswith("bias") else init.norm(n, p.shape[0])
            tensors[n], values[n] = (value.numpy(), T.F32), value
            continue
        kind = kinds[turn % len(kinds)]
        turn += 1
        if kind in (T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K):
            raw = random_blocks(kind, *p.shape, rng)
        else:
            raw = quantize(init.linear(n, *p.shape).numpy(), kind)
            raw = raw.view(np.uint8) if kind == T.BF16 else raw
        tensors[n] = raw, kind
        values[n] = torch.from_numpy(dequantize(raw, kind).reshape(tuple(p.shape)).copy())
    model.load_state_dict(values)
    tokens = init.tokens(80, config["vocab_size"])
    logits = common.run(model, tokens)
    answer = common.greedy(model, tokens, 16)[len(tokens):]
    write(name, {**config, "model_type": "llama"}, tensors)
    save_file({"tokens": tokens, "logits": logits.contiguous(), "greedy": answer}, OUT / f"{name}.golden.safetensors")


def first_seed(make):
    for seed in range(1, 50):
        try:
            return make(seed)
        except common.Refused as reason:
            print(f"  seed {seed} refused: {reason}")
    raise SystemExit("no seed without near-ties")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name in TWINS:
        twin(name)
    small = dict(max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False,
                 num_hidden_layers=1)
    blocks = dict(small, vocab_size=131, hidden_size=64, intermediate_size=96, num_attention_heads=4,
                  num_key_value_heads=2, num_hidden_layers=2, attention_bias=True, mlp_bias=True)
    first_seed(lambda s: quantised_model("llama_blocks", s, blocks, [T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.F16, T.BF16]))
    k = dict(small, vocab_size=67, hidden_size=256, intermediate_size=256, num_attention_heads=8, num_key_value_heads=2)
    first_seed(lambda s: quantised_model("llama_k_quants", s, k, [T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K]))
    print(f"{sum(f.stat().st_size for f in OUT.iterdir())} bytes in {OUT}")


if __name__ == "__main__":
    main()
