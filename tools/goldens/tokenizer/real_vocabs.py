#!/usr/bin/env python3
"""Answers of `tokenizers` and llama.cpp for vocabularies that are not committed; see check_real_vocabs.sh.

  real_vocabs.py OUT --hf tokenizer.json ... | --llama FOLDER NAME ...
Writes OUT/NAME.strings.gz and OUT/NAME.ids.gz in make.py's format.
"""

import argparse
import pathlib

from tokenizers import Tokenizer

import make
import strings


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--hf", nargs="*", type=pathlib.Path, default=[])
    parser.add_argument("--llama", nargs="*", default=[])
    args = parser.parse_args()
    make.OUT = args.out
    args.out.mkdir(parents=True, exist_ok=True)
    texts = strings.make()
    for path in args.hf:
        name = path.parent.name
        make.write_strings(f"{name}.strings.gz", texts)
        make.write_lists(f"{name}.ids.gz", make.ids(Tokenizer.from_file(str(path)), texts))
    for name in args.llama[1:]:
        stem = pathlib.Path(args.llama[0]) / f"ggml-vocab-{name}.gguf"
        inputs = pathlib.Path(f"{stem}.inp").read_bytes().split(b"\n__ggml_vocab_test__\n")
        answers = pathlib.Path(f"{stem}.out").read_text().split("\n")
        make.write_strings(f"{name}.strings.gz", inputs)
        make.write_lists(f"{name}.ids.gz", [[int(x) for x in line.split()] for line in answers])


if __name__ == "__main__":
    main()
