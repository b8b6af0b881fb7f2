"""The tokens that a schema permits, beside those of xgrammar's own Python package: its wheel, its reading of the vocabulary.

    grammar_masks_test.py GRAMMAR_MASKS MODEL.gguf

Of the vocabulary of the default model, step by step, along answers that fit a schema and along seeded walks over what the
judge permits.  Where a schema is compiled as it was written the judge reads what was written, else what it was made into.
"""

import json
import random
import subprocess
import sys
from unittest import mock

import gguf
import numpy as np
import tvm_ffi  # first: it would look into torch

# xgrammar wants torch to fill a mask that lies on a GPU, and transformers to read a tokenizer of theirs: neither here.
sys.modules.update({name: mock.MagicMock() for name in ("torch", "transformers")})
import xgrammar  # noqa: E402

BLANKS = 40  # between two tokens of JSON: src/grammar/xgrammar_core.cpp
WALKS, STEPS = 4, 50
CONTROL = 3  # a token's type, in a GGUF


def of(properties, **more):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False} | more


TREE = of({"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}})
# A schema, and answers that fit it.
CASES = [
    ({"type": "integer"}, [0, -17, 123456]),
    ({"type": "number"}, [0.5, -1.25e10, 3]),
    ({"type": "boolean"}, [True, False]),
    ({"type": "null"}, [None]),
    ({"type": "string"}, ["", 'a "quoted" \\ line\n', "Grüße, 世界 🌍", "<|im_end|>"]),
    ({"type": ["string", "null", "integer"]}, ["x", None, 5]),
    ({"enum": ["red", "green", 7, None]}, ["red", 7, None]),
    ({"const": "only this"}, ["only this"]),
    ({"type": "integer", "minimum": -3, "maximum": 120}, [-3, 0, 99, 120]),
    ({"type": "integer", "exclusiveMinimum": 0}, [1, 1000]),
    ({"type": "number", "minimum": 0, "maximum": 1}, [0, 0.125, 1]),
    ({"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 50}, [0, 25, 50]),
    ({"type": "string", "minLength": 2, "maxLength": 5}, ["ab", "Grüße"]),
    ({"type": "string", "pattern": "^[a-c]+-[0-9]{2}$"}, ["abc-12"]),
    ({"type": "string", "format": "date"}, ["2026-11-29"]),
    ({"type": "string", "format": "uuid"}, ["123e4567-e89b-12d3-a456-426614174000"]),
    ({"type": "string", "format": "ipv4"}, ["127.0.0.1"]),
    ({"type": "array", "items": {"type": "integer"}}, [[], [1], [1, 22, 333]]),
    ({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3}, [[True], [True, False, True]]),
    ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False}, [["a", 1]]),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, [{}, {"one": 1, "two words": 2}]),
    ({"type": "object"}, [{}, {"any": [1, None, {"x": "y"}]}]),
    (of({"name": {"type": "string"}, "age": {"type": "integer"}}), [{"name": "Ada", "age": 36}]),
    (of({"a": {"type": "integer"}, "b": {"type": "boolean"}}, required=["b"]), [{"b": True}, {"a": 1, "b": False}]),
    (of({"a": {"type": "null"}, "b": {"type": "null"}}, required=[]), [{}, {"a": None}, {"b": None}, {"a": None, "b": None}]),
    (of({"street": of({"no": {"type": "integer"}}), "tags": {"type": "array", "items": {"enum": ["a", "b"]}}}), [{"street": {"no": 1}, "tags": ["a", "b"]}]),
    (TREE, [{"v": 1, "next": None}, {"v": 1, "next": {"v": 2, "next": None}}]),
    ({"anyOf": [{"type": "integer"}, of({"x": {"type": "string"}})]}, [3, {"x": "y"}]),
    ({"$ref": "#/$defs/n", "$defs": {"n": of({"k": {"type": "string", "maxLength": 3}})}}, [{"k": "abc"}]),
    ({"properties": {"n": {"type": "integer"}}, "title": "types that go without saying"}, [{}, {"n": 4}]),
]


class Judge:
    def __init__(self, model):
        fields = gguf.GGUFReader(model).fields
        kinds = fields["tokenizer.ggml.token_type"].contents()
        self.end = fields["tokenizer.ggml.eos_token_id"].contents()
        # A control token is no text.  (Read as text, "<|im_end|>" might stand in any string.)
        tokens = ["" if kind == CONTROL else token for token, kind in zip(fields["tokenizer.ggml.tokens"].contents(), kinds)]
        info = xgrammar.TokenizerInfo(tokens, xgrammar.VocabType.BYTE_LEVEL, stop_token_ids=[self.end])
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self.words = (len(tokens) + 31) // 32

    def matcher(self, schema, strict):
        return xgrammar.GrammarMatcher(self.compiler.compile_json_schema(schema, strict_mode=strict, max_whitespace_cnt=BLANKS))

    def mask(self, matcher):
        """Permitted token ids, and whether the answer may end here."""
        bits = np.full((1, self.words), -1, np.int32)
        matcher.fill_next_token_bitmask(bits)
        allowed = np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little"))
        return allowed[allowed != self.end], self.end in allowed

    def walk(self, schema, strict, seed):
        """A text that it permits: short pieces first, so that walks come to an end as often as not."""
        draw, matcher, tokens = random.Random(seed), self.matcher(schema, strict), []
        while len(tokens) < STEPS:
            allowed, ends = self.mask(matcher)
            if len(allowed) == 0 or (ends and draw.random() < 0.2):
                break
            tokens.append(int(draw.choice(allowed)))
            matcher.accept_token(tokens[-1])
        return tokens


def ids(words):
    return np.flatnonzero(np.unpackbits(np.frombuffer(bytes.fromhex(words), ">u4").astype("<u4").view(np.uint8), bitorder="little"))


def main(program, model):
    judge = Judge(model)
    ours = subprocess.Popen([program, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(**line):
        print(json.dumps(line), file=ours.stdin, flush=True)
        return json.loads(ours.stdout.readline())

    steps = as_written = 0
    for number, (schema, answers) in enumerate(CASES):
        text = json.dumps(schema)
        plain = ask(schema=text, tokens=[])["plain"]
        same = json.loads(plain) == schema
        as_written += same
        judged, strict = (text, True) if same else (plain, False)
        lines = [{"text": json.dumps(a, ensure_ascii=False, **layout)} for a in answers for layout in ({"separators": (",", ":")}, {"indent": 2})]
        lines += [{"tokens": judge.walk(judged, strict, 100 * number + walk)} for walk in range(WALKS)]
        for line in lines:
            got = ask(schema=text, **line)
            where = f"{text}, {line}"
            if "text" in line and not (len(got["masks"]) > len(got["tokens"]) and got["complete"][-1]):
                sys.exit(f"FAILED: {where}: an answer that fits is not permitted, or is not whole")
            matcher = judge.matcher(judged, strict)
            for at, (words, complete) in enumerate(zip(got["masks"], got["complete"])):
                (allowed, ends), mask = judge.mask(matcher), ids(words)
                if not np.array_equal(mask, allowed) or complete != ends:
                    sys.exit(
                        f"FAILED: {where}, behind {got['tokens'][:at]}: tokens {np.setdiff1d(mask, allowed)[:9]} are permitted here alone, "
                        f"{np.setdiff1d(allowed, mask)[:9]} by the judge alone; whole here: {complete}, there: {ends}"
                    )
                steps += 1
                if at < len(got["tokens"]) and matcher.accept_token(got["tokens"][at]) != (at + 1 < len(got["masks"])):
                    sys.exit(f"FAILED: {where}: token {got['tokens'][at]} is taken by one alone")
    ours.stdin.close()
    if ours.wait() != 0 or steps < 1000 or as_written < len(CASES) // 2:
        sys.exit(f"FAILED: {steps} steps, {as_written} schemas as they were written: the test shows too little")
    print(f"{steps} masks of {len(CASES)} schemas are the judge's, {as_written} of them compiled as they were written")


main(*sys.argv[1:])
