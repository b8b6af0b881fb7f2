#!/usr/bin/env python3
"""Writes tests/goldens/gguf/blocks.bin: random blocks of every type and what the gguf package makes of them.

  python tools/goldens/gguf/make.py        (gguf 0.19.0, numpy; see ../requirements.txt)

File: per type "name\\n", u32 elements, the block bytes, the elements as float32; little-endian throughout.
"""
import struct
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

OUT = Path(__file__).resolve().parents[3] / "tests/goldens/gguf/blocks.bin"
TYPES = [T.F32, T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K]
# Where the half-precision scales of a block stand.
HALVES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q2_K: [80, 82], T.Q3_K: [108],
          T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
# zero, smallest and largest subnormal, smallest normal, one, largest, infinity, NaN; both signs follow
EXTREME = [0x0000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0x7BFF, 0x7C00, 0x7E00]
EXTREME += [h | 0x8000 for h in EXTREME]


def random_blocks(t, rng):
    elements, size = GGML_QUANT_SIZES[t]
    if elements == 1:  # all bit patterns are values: the extreme ones among them
        n = 1024
        raw = rng.integers(0, 256, (n, size), dtype=np.uint8)
        if t == T.F16:
            raw[: len(EXTREME)] = np.array(EXTREME, np.uint16).view(np.uint8).reshape(-1, 2)
        if t == T.BF16:
            raw[:8] = np.array([0, 0x8000, 1, 0x7F, 0x7F80, 0xFF80, 0x7FC0, 0x7F7F], np.uint16).view(np.uint8).reshape(-1, 2)
        return raw.reshape(1, -1), n
    halves = HALVES[t]
    n = 96 if elements == 32 else 48
    raw = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for at in halves:
        # ordinary scales, so that products are of every rounding; then each extreme against each quant
        ordinary = rng.normal(0, 0.02, n).astype(np.float16)
        ordinary[: len(EXTREME)] = np.array(EXTREME, np.uint16).view(np.float16)
        raw[:, at : at + 2] = rng.permutation(ordinary).view(np.uint8).reshape(-1, 2)
    raw[-1, : size] = 0
    raw[-2, : size] = 0xFF
    for at in halves:
        raw[-2, at : at + 2] = np.array([1.5], np.float16).view(np.uint8)
    return raw.reshape(1, -1), n * elements


def main():
    rng = np.random.default_rng(20260401)
    out = bytearray()
    with np.errstate(all="ignore"):
        for t in TYPES:
            raw, elements = random_blocks(t, rng)
            values = np.ascontiguousarray(dequantize(raw, t).reshape(-1), np.float32)
            assert values.size == elements
            out += t.name.encode() + b"\n" + struct.pack("<I", elements) + raw.tobytes() + values.tobytes()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(out)
    print(f"{OUT.name}: {len(out)} bytes, {len(TYPES)} types")


if __name__ == "__main__":
    main()
