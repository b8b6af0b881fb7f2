#!/usr/bin/env python3
"""Writes a DeepSeek-V3.2 folder: real config, index and safetensors headers, data that are holes (read as zeros).

  make_sparse_v32.py OUT             the whole model: 163 shards, 685.4B parameters, almost no disk space
  make_sparse_v32.py OUT --layers 3  the first 3 layers of it (no MTP layer), in one shard a layer
  make_sparse_v32.py OUT --layers 3 --data
                                     the same with pseudo-random weights really on disk

Shapes and types: the published checkpoint (F8_E4M3 weights with F32 scales of 128 x 128 blocks).  Python 3 alone.
"""

import argparse
import json
import os
import random
import struct

VOCAB, HIDDEN, DENSE_WIDTH, EXPERT_WIDTH = 129280, 7168, 18432, 2048
LAYERS, DENSE_LAYERS, HEADS, EXPERTS = 61, 3, 128, 256
Q_RANK, KV_RANK, NOPE, ROPE, VALUE = 1536, 512, 128, 64, 128
INDEX_HEADS, INDEX_DIM = 64, 128
SHARDS = 163
BYTES = {"F32": 4, "BF16": 2, "F8_E4M3": 1}

CONFIG = {
    "architectures": ["DeepseekV32ForCausalLM"], "model_type": "deepseek_v32", "vocab_size": VOCAB,
    "hidden_size": HIDDEN, "intermediate_size": DENSE_WIDTH, "moe_intermediate_size": EXPERT_WIDTH,
    "num_hidden_layers": LAYERS, "first_k_dense_replace": DENSE_LAYERS, "moe_layer_freq": 1,
    "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "q_lora_rank": Q_RANK, "kv_lora_rank": KV_RANK,
    "qk_nope_head_dim": NOPE, "qk_rope_head_dim": ROPE, "v_head_dim": VALUE, "index_n_heads": INDEX_HEADS,
    "index_head_dim": INDEX_DIM, "index_topk": 2048, "n_routed_experts": EXPERTS, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "scoring_func": "sigmoid", "topk_method": "noaux_tc",
    "norm_topk_prob": True, "routed_scaling_factor": 2.5, "num_nextn_predict_layers": 1, "hidden_act": "silu",
    "rms_norm_eps": 1e-06, "max_position_embeddings": 163840, "rope_theta": 10000,
    "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
                     "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0},
    "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 1,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "ep_size": 1, "initializer_range": 0.02,
    "use_cache": True,
    "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                            "weight_block_size": [128, 128], "scale_fmt": "ue8m0"},
}


def fp8(name, rows, columns):
    yield name + ".weight", "F8_E4M3", [rows, columns]
    yield name + ".weight_scale_inv", "F32", [-(-rows // 128), -(-columns // 128)]


def mlp(name, width):
    yield from fp8(name + ".gate_proj", width, HIDDEN)
    yield from fp8(name + ".up_proj", width, HIDDEN)
    yield from fp8(name + ".down_proj", HIDDEN, width)


def layer(index):
    p = f"model.layers.{index}."
    yield p + "input_layernorm.weight", "BF16", [HIDDEN]
    yield p + "post_attention_layernorm.weight", "BF16", [HIDDEN]
    a = p + "self_attn."
    yield from fp8(a + "q_a_proj", Q_RANK, HIDDEN)
    yield a + "q_a_layernorm.weight", "BF16", [Q_RANK]
    yield from fp8(a + "q_b_proj", HEADS * (NOPE + ROPE), Q_RANK)
    yield from fp8(a + "kv_a_proj_with_mqa", KV_RANK + ROPE, HIDDEN)
    yield a + "kv_a_layernorm.weight", "BF16", [KV_RANK]
    yield from fp8(a + "kv_b_proj", HEADS * (NOPE + VALUE), KV_RANK)
    yield from fp8(a + "o_proj", HIDDEN, HEADS * VALUE)
    yield from fp8(a + "indexer.wq_b", INDEX_HEADS * INDEX_DIM, Q_RANK)
    yield from fp8(a + "indexer.wk", INDEX_DIM, HIDDEN)
    yield a + "indexer.k_norm.weight", "F32", [INDEX_DIM]
    yield a + "indexer.k_norm.bias", "F32", [INDEX_DIM]
    yield a + "indexer.weights_proj.weight", "BF16", [INDEX_HEADS, HIDDEN]
    if index < DENSE_LAYERS:
        yield from mlp(p + "mlp", DENSE_WIDTH)
        return
    yield p + "mlp.gate.weight", "BF16", [EXPERTS, HIDDEN]
    yield p + "mlp.gate.e_score_correction_bias", "F32", [EXPERTS]
    for expert in range(EXPERTS):
        yield from mlp(f"{p}mlp.experts.{expert}", EXPERT_WIDTH)
    yield from mlp(p + "mlp.shared_experts", EXPERT_WIDTH)


def mtp(index):
    p = f"model.layers.{index}."
    yield p + "embed_tokens.weight", "BF16", [VOCAB, HIDDEN]
    yield p + "enorm.weight", "BF16", [HIDDEN]
    yield p + "hnorm.weight", "BF16", [HIDDEN]
    yield p + "eh_proj.weight", "BF16", [HIDDEN, 2 * HIDDEN]
    yield from layer(index)
    yield p + "shared_head.norm.weight", "BF16", [HIDDEN]
    yield p + "shared_head.head.weight", "BF16", [VOCAB, HIDDEN]


def model(layers):
    yield "model.embed_tokens.weight", "BF16", [VOCAB, HIDDEN]
    for index in range(layers):
        yield from layer(index)
    yield "model.norm.weight", "BF16", [HIDDEN]
    yield "lm_head.weight", "BF16", [VOCAB, HIDDEN]
    if layers == LAYERS:
        yield from mtp(LAYERS)


def elements(shape):
    return shape[0] * (shape[1] if len(shape) == 2 else 1)


def size(tensor):
    return elements(tensor[2]) * BYTES[tensor[1]]


def split(tensors, shards):
    """Consecutive runs of about equal bytes: exactly `shards` of them."""
    total, done, out = sum(map(size, tensors)), 0, [[]]
    for position, tensor in enumerate(tensors):
        left = len(tensors) - position
        full = done >= total * len(out) / shards or left == shards - len(out)
        if out[-1] and full and len(out) < shards:
            out.append([])
        out[-1].append(tensor)
        done += size(tensor)
    return out


def pseudo_random(tensor, rng, chunk):
    """Plausible numbers: norms near 1, weights and scales small, nothing that is not finite."""
    name, dtype, shape = tensor
    count = elements(shape)
    if dtype == "F8_E4M3":  # any byte with the two NaN codes replaced
        block = bytes(b if b & 0x7F != 0x7F else 0 for b in rng.randbytes(chunk))
    elif name.endswith("_scale_inv"):
        block = struct.pack("<f", 2.0 ** -13) * (chunk // 4)
    elif "norm.weight" in name:
        block = (struct.pack("<f", 1.0) if dtype == "F32" else b"\x80\x3f") * (chunk // BYTES[dtype])
    elif dtype == "F32":
        block = bytes(chunk)
    else:  # BF16 in +-[2^-7, 2^-5)
        high = bytes(0x3C | b & 0x80 for b in rng.randbytes(chunk // 2))
        low = rng.randbytes(chunk // 2)
        block = bytes(x for pair in zip(low, high) for x in pair)
    left = count * BYTES[dtype]
    while left > 0:
        yield block[:left]
        left -= len(block)


def write_shard(path, tensors, rng):
    header, offset = {}, 0
    order = sorted(tensors, key=lambda t: (-BYTES[t[1]], t[0]))
    for tensor in order:
        header[tensor[0]] = {"dtype": tensor[1], "shape": tensor[2], "data_offsets": [offset, offset + size(tensor)]}
        offset += size(tensor)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        if rng is None:
            f.truncate(8 + len(text) + offset)
            return
        for tensor in order:
            for block in pseudo_random(tensor, rng, 1 << 20):
                f.write(block)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="folder to create")
    parser.add_argument("--layers", type=int, default=LAYERS, metavar="N", help="only the first N layers")
    parser.add_argument("--data", action="store_true", help="pseudo-random weights instead of holes")
    args = parser.parse_args()
    if not 1 <= args.layers <= LAYERS:
        parser.error(f"--layers must be 1 to {LAYERS}")

    whole = args.layers == LAYERS
    tensors = list(model(args.layers))
    shards = split(tensors, SHARDS if whole else args.layers)
    os.makedirs(args.out, exist_ok=True)
    rng = random.Random(32) if args.data else None
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05d}-of-{len(shards):06d}.safetensors"
        write_shard(os.path.join(args.out, name), shard, rng)
        weight_map.update((tensor[0], name) for tensor in shard)
    index = {"metadata": {"total_size": sum(map(size, tensors))}, "weight_map": weight_map}
    config = dict(CONFIG, num_hidden_layers=args.layers, num_nextn_predict_layers=1 if whole else 0)
    for name, value in (("model.safetensors.index.json", index), ("config.json", config)):
        with open(os.path.join(args.out, name), "w", encoding="utf-8") as f:
            json.dump(value, f, indent=2)
    parameters = sum(elements(t[2]) for t in tensors if not t[0].endswith("_scale_inv"))
    print(f"{args.out}: {len(shards)} shards, {len(tensors)} tensors, {parameters / 1e9:.3f}B parameters")


if __name__ == "__main__":
    main()
