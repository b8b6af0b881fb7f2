#!/usr/bin/env python3
"""Makes tests/goldens/tokenizer: texts, and what Hugging Face `tokenizers` makes of them.

  make.py [--smollm2 FILE.gguf] [--llama-vocabs DIR]

Needs Python 3.11, tokenizers 0.23.3, gguf 0.19.0.  --smollm2: the default model, for its real vocabulary.
--llama-vocabs: vendor/llama.cpp/models of the llama-cpp-python 0.3.36 sdist, for llama.cpp's own cases.
Files (gzip; all numbers LEB128): strings.gz: count, then (length, bytes) each.  splits_NAME.gz: per text the number of
words and their lengths in bytes.  ids_NAME.gz: per text the number of ids and the ids.
"""

import argparse
import gzip
import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import strings

assert tokenizers.__version__ == "0.23.3"
OUT = pathlib.Path(__file__).resolve().parents[3] / "tests/goldens/tokenizer"

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
# As published: DeepSeek's files hold real CR and LF characters.
DEEPSEEK_V3 = ["\\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
               "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
               "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"]
# Escapes: editors normalise some of these characters (U+212A, U+1FD3) to others.
DEEPSEEK_LLM_LETTERS = (
    "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373"
    "\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f"
    "\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77"
    "\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-"
    "\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec"
    "\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-"
    "\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3"
    "\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17"
    "\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-"
    "\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943]+")
DEEPSEEK_LLM = ["[\r\n]", DEEPSEEK_LLM_LETTERS, "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", "\\s+$",
                "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"]


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_level(use_regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def chain(*steps):
    return pre_tokenizers.Sequence(list(steps))


PRE = {
    "smollm": chain(pre_tokenizers.Digits(True), byte_level(True)),
    "gpt2": byte_level(True),
    "llama3": chain(split(LLAMA3), byte_level()),
    "qwen2": chain(split(QWEN2), byte_level()),
    "deepseek-llm": chain(*map(split, DEEPSEEK_LLM), pre_tokenizers.Digits(True), byte_level()),
    "deepseek-v3": chain(*map(split, DEEPSEEK_V3), byte_level()),
    "glm4": chain(split(LLAMA3), byte_level()),
}


def leb128(numbers):
    out = bytearray()
    for n in numbers:
        while n >= 0x80:
            out.append(n & 0x7F | 0x80)
            n >>= 7
        out.append(n)
    return bytes(out)


def write(name, data):
    (OUT / name).write_bytes(gzip.compress(data, 9, mtime=0))


def write_strings(name, texts):
    write(name, leb128([len(texts)]) + b"".join(leb128([len(t)]) + t for t in texts))


def write_lists(name, lists):
    write(name, b"".join(leb128([len(x)]) + leb128(x) for x in lists))


def decoded(text):
    return text.decode("utf-8", errors="replace")


def added(text, special=False, **flags):
    return AddedToken(text, special=special, normalized=flags.pop("normalized", False), **flags)


# name -> (added tokens, changes to the finished JSON)
def train(name, texts):
    t = Tokenizer(models.BPE(ignore_merges=name in ("llama3", "glm4")))
    if name == "qwen2":
        t.normalizer = normalizers.NFC()
    if name.startswith("deepseek"):
        t.normalizer = normalizers.Sequence([])
    t.pre_tokenizer = PRE[name]
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=1400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    t.train_from_iterator(map(decoded, texts), trainer)
    t.add_tokens([added("<|im_start|>", True), added("<|im_end|>", True), added("<|endoftext|>", True), added("<s>", True),
                  added("[gMASK]", True), added("<sop>", True), added("<｜User｜>"), added("/nothink"),
                  added("TITLE", single_word=True), added("<mask>", True, lstrip=True, rstrip=name == "gpt2"),
                  added("</think>", normalized=True), added("ö" if name == "deepseek-llm" else "e\u0301t\u00e9", normalized=True)])
    single = {"llama3": "<s> $A", "glm4": "[gMASK] <sop> $A"}.get(name)
    if single:
        template = processors.TemplateProcessing(single=single, special_tokens=[(x, t.token_to_id(x)) for x in single.split()[:-1]])
        t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    spec = json.loads(t.to_str())
    if name in ("gpt2", "deepseek-v3", "qwen2"):  # the older way to write them
        spec["model"]["merges"] = [" ".join(pair) for pair in spec["model"]["merges"]]
    (OUT / f"{name}.tokenizer.json").write_text(json.dumps(spec, ensure_ascii=False, separators=(",", ":")) + "\n")
    return Tokenizer.from_str(json.dumps(spec))


def ids(tokenizer, texts, as_text=False):
    tokenizer.encode_special_tokens = as_text
    return [e.ids for e in tokenizer.encode_batch([decoded(t) for t in texts], add_special_tokens=False)]


def alphabet():
    """GPT-2's: byte -> character."""
    return {b: chr(c) for b, c in zip(range(256), byte_characters())}


def byte_characters():
    up = 0x100
    for b in range(256):
        if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE:
            yield b
        else:
            yield up
            up += 1


def read_gguf(path):
    import gguf
    fields = gguf.GGUFReader(path).fields
    return tuple(fields["tokenizer.ggml." + key].contents() for key in ("tokens", "token_type", "merges"))


def smollm2(path):
    tokens, types, merges = read_gguf(path)
    vocab = {t: i for i, t in enumerate(tokens)}
    t = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(m.split(" ")) for m in merges]))
    t.pre_tokenizer = PRE["smollm"]
    t.add_special_tokens([added(text, True) for text, kind in zip(tokens, types) if kind == 3])
    return t


def llama_cases(folder, name, base):
    """llama.cpp's cases with the part of the vocabulary they touch: every entry inside a token of the answers, ids
    renumbered.  Merges that no answer contains never happen, so leaving them out changes nothing."""
    tokens, types, merges = read_gguf(folder / f"ggml-vocab-{name}.gguf")
    texts = (folder / f"ggml-vocab-{name}.gguf.inp").read_bytes().split(b"\n__ggml_vocab_test__\n")
    answers = [[int(x) for x in line.split()] for line in (folder / f"ggml-vocab-{name}.gguf.out").read_text().split("\n")]
    assert len(texts) == len(answers)
    whole = [i for i, kind in enumerate(types) if kind == 3][:2]
    whole += [i for i, kind in enumerate(types) if kind == 4 and not tokens[i].startswith("[PAD")]
    used = {tokens[i] for answer in answers for i in answer}
    parts = {t[a:b] for t in used for a in range(len(t)) for b in range(a + 1, len(t) + 1)} | set(alphabet().values())
    kept = [i for i, t in enumerate(tokens) if t in parts and types[i] == 1]
    new_id = {old: new for new, old in enumerate(kept + whole)}
    pairs = [m.split(" ") for m in merges]
    spec = json.loads((OUT / f"{base}.tokenizer.json").read_text())
    spec["model"]["vocab"] = {tokens[old]: new_id[old] for old in kept}
    spec["model"]["merges"] = [p for p in pairs if p[0] + p[1] in parts and all(x in parts for x in p)]
    spec["added_tokens"] = [{"id": new_id[i], "content": tokens[i], "special": types[i] == 3, "normalized": False,
                             "lstrip": False, "rstrip": False, "single_word": False} for i in whole]
    spec["post_processor"] = None
    spec["normalizer"] = None
    (OUT / f"llama_cpp_{name}.tokenizer.json").write_text(json.dumps(spec, ensure_ascii=False, separators=(",", ":")) + "\n")
    write_strings(f"llama_cpp_{name}_strings.gz", texts)
    write_lists(f"llama_cpp_{name}_ids.gz", [[new_id[i] for i in answer] for answer in answers])


def all_llama_cases(folder):
    for name, base in (("llama-bpe", "llama3"), ("qwen2", "qwen2"), ("gpt-2", "gpt2"), ("deepseek-llm", "deepseek-llm")):
        llama_cases(folder, name, base)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smollm2", type=pathlib.Path)
    parser.add_argument("--llama-vocabs", type=pathlib.Path)
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    texts = strings.make()
    markup = [t for t in texts if any(m.encode() in t for m in strings.MARKUP[:11])]
    write_strings("strings.gz", texts)
    write_strings("markup.gz", markup)
    for name, pre in PRE.items():
        if name != "glm4":  # cuts as llama3
            write_lists(f"splits_{name}.gz", [[len(w) for w, _ in pre.pre_tokenize_str(decoded(t))] for t in texts])
        t = train(name, texts)
        write_lists(f"ids_{name}.gz", ids(t, texts))
        # dsa treats what is spelled like markup as special even where the file does not say so: Tokenizer::encode().
        spec = json.loads(t.to_str())
        for token in spec["added_tokens"]:
            token["special"] |= token["content"].startswith("<")
        write_lists(f"as_text_{name}.gz", ids(Tokenizer.from_str(json.dumps(spec)), markup, as_text=True))
        print(name, len(texts), "texts,", len(markup), "with markup")
    if args.smollm2:
        write_lists("ids_smollm2.gz", ids(smollm2(args.smollm2), texts))
    if args.llama_vocabs:
        all_llama_cases(args.llama_vocabs)
    print(sum(f.stat().st_size for f in OUT.iterdir()), "bytes")


if __name__ == "__main__":
    main()
