"""Tensors from a counter: element i of a tensor is a pure function of its name and i, bit for bit as base/rng.h.

    u(i)     = (CounterRng(seed, fnv1a64(name)).at(i) >> 40) - 2^23        an integer in [-2^23, 2^23)
    value(i) = bf16_truncate(float32(offset) + float32(u(i)) * 2^(exponent - 23))

The product is exact, the sum rounds to nearest even in float32, and bf16_truncate clears the low 16 bits, so that every
value can be stored as BF16. Elements are counted in row-major order.
"""

import numpy as np
import torch

STEP = np.uint64(0x9E3779B97F4A7C15)
MASK = (1 << 64) - 1


def fnv1a64(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def mix64(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def values(seed, name, count, exponent, offset=0.0, chunk=1 << 20):
    """float32 [count], each exactly representable in BF16."""
    out = np.empty(count, dtype=np.float32)
    with np.errstate(over="ignore"):
        stream = np.uint64(fnv1a64(name))
        key = mix64(mix64(np.array([seed], dtype=np.uint64) + STEP) + stream * STEP)
        for first in range(0, count, chunk):
            i = np.arange(first + 1, min(first + chunk, count) + 1, dtype=np.uint64)
            u = (mix64(key + i * STEP) >> np.uint64(40)).astype(np.int32) - (1 << 23)
            value = np.float32(offset) + u.astype(np.float32) * np.float32(2.0 ** (exponent - 23))
            out[first : first + len(i)] = (value.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return out


def tensor(seed, name, shape, exponent, offset=0.0):
    """BF16 torch tensor (the conversion is exact)."""
    flat = torch.from_numpy(values(seed, name, int(np.prod(shape)), exponent, offset))
    return flat.to(torch.bfloat16).reshape(shape)


if __name__ == "__main__":  # the test vectors of README.md
    for name, exponent, offset in (("x", 1, 0.0), ("model.layers.3.mlp.gate.weight", -6, 0.0), ("a.norm", -1, 1.0)):
        bits = [f"{v:04x}" for v in (values(20251117, name, 5, exponent, offset).view(np.uint32) >> 16)]
        print(f"{name!r} {exponent} {offset}: fnv1a64 {fnv1a64(name):016x}, BF16 bits {' '.join(bits)}")
