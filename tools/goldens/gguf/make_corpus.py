#!/usr/bin/env python3
"""Writes the seeds of fuzz/gguf_fuzz.cpp: small files that reach every part of the reader.

  python3 tools/goldens/gguf/make_corpus.py
"""
import pathlib
import struct

OUT = pathlib.Path(__file__).resolve().parents[3] / "fuzz/corpus/gguf_fuzz"
U32, F32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def kv(key, kind, value):
    formats = {0: "B", 1: "b", 2: "H", 3: "h", U32: "I", 5: "i", F32: "f", BOOL: "B", 10: "Q", 11: "q", 12: "d"}
    return text(key) + struct.pack("<I", kind) + (text(value) if kind == STRING else struct.pack("<" + formats[kind], value))


def array(key, element, items):
    packed = b"".join(text(i) if element == STRING else struct.pack("<f" if element == F32 else "<i", i) for i in items)
    return text(key) + struct.pack("<IIQ", ARRAY, element, len(items)) + packed


def file(entries, tensors=(), version=3, alignment=32):
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries)) + b"".join(entries)
    offset = 0
    for name, sizes, kind, size in tensors:
        out += text(name) + struct.pack("<I", len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes)
        out += struct.pack("<IQ", kind, offset)
        offset += -(-size // alignment) * alignment
    if tensors:
        out += bytes(-len(out) % alignment) + bytes(range(256)) * (offset // 256) + bytes(offset % 256)
    return out


def model(arch, *more):
    sizes = dict(block_count=1, context_length=64, embedding_length=8, feed_forward_length=12)
    return [kv("general.architecture", STRING, arch), *(kv(f"{arch}.{k}", U32, v) for k, v in sizes.items()),
            kv(f"{arch}.attention.head_count", U32, 2), kv(f"{arch}.attention.head_count_kv", U32, 1),
            kv(f"{arch}.attention.layer_norm_rms_epsilon", F32, 1e-5), *more]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    vocabulary = [kv("tokenizer.ggml.model", STRING, "gpt2"), kv("tokenizer.ggml.pre", STRING, "smollm"),
                  array("tokenizer.ggml.tokens", STRING, ["a", "b", "<|im_end|>"]),
                  array("tokenizer.ggml.token_type", 5, [1, 1, 3]), array("tokenizer.ggml.merges", STRING, ["a b"]),
                  array("tokenizer.ggml.scores", F32, [0.0, 1.0, 2.0]), kv("tokenizer.ggml.eos_token_id", U32, 2),
                  kv("tokenizer.ggml.add_bos_token", BOOL, 0), kv("tokenizer.chat_template", STRING, "{{ x }}")]
    embedding = ("token_embd.weight", [8, 3], 0, 96)
    yarn = [kv("qwen2.rope.scaling.type", STRING, "yarn"), kv("qwen2.rope.scaling.factor", F32, 4.0),
            kv("qwen2.rope.scaling.original_context_length", U32, 16)]
    seeds = {
        "empty": file([]),
        "every_type": file([kv(f"k{t}", t, 1) for t in (0, 1, 2, 3, U32, 5, F32, BOOL, 10, 11, 12)]),
        "version_2": file([kv("a", U32, 1)], version=2),
        "llama": file(model("llama", *vocabulary), [embedding, ("output_norm.weight", [8], 0, 32)]),
        "qwen2_yarn": file(model("qwen2", *yarn), [embedding, ("blk.0.attn_q.bias", [8], 0, 32)]),
        "qwen3_linear": file(model("qwen3", kv("qwen3.rope.scaling.factor", F32, 2.0)), [embedding, ("output.weight", [8, 3], 1, 48)]),
        "rope_freqs": file(model("llama"), [embedding, ("rope_freqs.weight", [2], 0, 8)]),
        "quantised": file([], [("q8", [32, 2], 8, 68), ("q6k", [256], 14, 210), ("iq", [256], 23, 136)]),
        "blocks": file([], [(f"t{k}", [256], k, 256 // 32 * 34) for k in (2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 30)]),
        "aligned_64": file([kv("general.alignment", U32, 64)], [("a", [3], 0, 12), ("b", [1, 2, 3, 4], 24, 24)], alignment=64),
        "split": file(model("llama", kv("split.count", 2, 3), kv("split.no", 2, 1)), [embedding]),
        "mixture": file(model("llama", kv("llama.expert_count", U32, 8)), [embedding]),
        "deepseek": file([kv("general.architecture", STRING, "deepseek2")]),
    }
    for name, data in seeds.items():
        (OUT / name).write_bytes(data)


if __name__ == "__main__":
    main()
