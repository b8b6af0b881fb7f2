#!/usr/bin/env python3
"""Makes fuzz/corpus/tokenizer_fuzz: small correct tokenizer.json files of every shape, each with a text."""

import copy
import json
import pathlib

import make

OUT = pathlib.Path(__file__).resolve().parents[3] / "fuzz/corpus/tokenizer_fuzz"
SPACE = "\u0120"


def base():
    letters = ["a", "b", "c", SPACE, "1", "2", "\u00cc", "\u0123", "\u00ef"]
    merged = ["ab", "abc", SPACE + "a", "12"]
    return {
        "added_tokens": [{"id": 13, "content": "<s>", "special": True, "normalized": False, "lstrip": False, "rstrip": False,
                          "single_word": False}],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "ignore_merges": False, "vocab": {t: i for i, t in enumerate(letters + merged)},
                  "merges": ["a b", "ab c", SPACE + " a", "1 2"]},
    }


def splits(*patterns, digits=False):
    steps = [{"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False} for p in patterns]
    steps += [{"type": "Digits", "individual_digits": True}] * digits
    return {"type": "Sequence", "pretokenizers": steps + [{"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}]}


def seeds():
    text = "abcab <s> 12 a\u0301\n  abc".encode()
    yield "gpt2", base(), text
    pairs = base()
    pairs["model"]["merges"] = [m.split(" ") for m in pairs["model"]["merges"]]
    pairs["model"]["ignore_merges"] = True
    yield "pairs_ignore_merges", pairs, text
    for name, pre in (("llama3", splits(make.LLAMA3)), ("qwen2", splits(make.QWEN2)),
                      ("deepseek_v3", splits(*make.DEEPSEEK_V3)),
                      ("deepseek_llm", splits(*make.DEEPSEEK_LLM, digits=True))):
        spec = base()
        spec["pre_tokenizer"] = pre
        if name == "qwen2":
            spec["normalizer"] = {"type": "NFC"}
        yield name, spec, text + b" \xff\xe4\xb8 \xe4\xb8\xad\xe6\x96\x87 don't"
    flags = base()
    for i, key in enumerate(("lstrip", "rstrip", "single_word", "normalized")):
        token = copy.copy(flags["added_tokens"][0])
        token.update({"id": 14 + i, "content": "ABCD"[i], key: True, "special": i % 2 == 0})
        flags["added_tokens"].append(token)
    flags["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFC"}]}
    yield "flags", flags, b"  A  B b C Cb D <s><s>"
    bos = base()
    bos["post_processor"] = {"type": "Sequence", "processors": [
        {"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                                                         {"Sequence": {"id": "A", "type_id": 0}}]}]}
    bos["model"]["unk_token"] = "c"
    yield "bos_unknown", bos, b"xyz"


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for seed_name, spec, seed_text in seeds():
        (OUT / seed_name).write_bytes(json.dumps(spec, ensure_ascii=False, separators=(",", ":")).encode() + b"\n----\n" + seed_text)
