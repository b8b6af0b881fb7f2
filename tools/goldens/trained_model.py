#!/usr/bin/env python3
"""Checks a folder of `dsa train model` against transformers: every weight is found, token ids and logits are the same.

  trained_model.py FOLDER DSA TEXT_FILE [GOLDEN]     DSA: the built program, build/release/dsa

One context of the text, float32 on both sides, ties to the lower position on both: over the indexer's selections, and with
everything selected.  Exits 1 if anything differs.  GOLDEN is where some rows of transformers' logits go, for tests/parity.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

import common

LOGITS = 2e-4  # of a row's standard deviation
GOLDEN_EVERY = 37  # rows that a golden keeps: the first, this one, twice this one, ...


def dsa_ids(dsa, folder, text):
    done = subprocess.run([dsa, "tokenize", folder, "--json"], input=text.encode(), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["ids"]


def dsa_logits(dsa, folder, tokens, attention):
    with tempfile.TemporaryDirectory() as work:
        ids, out = pathlib.Path(work, "ids"), pathlib.Path(work, "logits.safetensors")
        ids.write_text(" ".join(map(str, tokens.tolist())))
        command = [dsa, "logits", folder, "--compute", "f32", "--attention", attention, "--tokens", f"@{ids}", "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return load_file(out)["logits"]


def golden_of(tokens, logits):
    rows = torch.arange(0, len(tokens), GOLDEN_EVERY)
    return {"tokens": tokens.int(), "rows": rows.int(), "logits": logits[rows].contiguous()}


def main(folder, dsa, path, golden=None):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.encode(text, add_special_tokens=False)
    same_ids = ids == dsa_ids(dsa, folder, text)
    print(f"{path}: {len(ids)} token ids, {'the same' if same_ids else 'DIFFERENT'}")

    model, unexpected = common.load_model(folder)
    layers = model.config.num_hidden_layers
    strangers = [name for name in unexpected if not name.startswith(f"model.layers.{layers}.")]
    print(f"{folder}: every weight of transformers' model is there; left over: {len(unexpected)} of the prediction module, {strangers}")

    tokens = torch.tensor(ids[: model.config.max_position_embeddings])
    good = same_ids and not strangers
    for attention, topk in (("sparse", model.config.index_topk), ("dense", len(tokens))):
        twin, _ = common.load_model(folder, index_topk=topk)
        theirs, ours = common.run(twin, tokens), dsa_logits(dsa, folder, tokens, attention)
        apart = ((ours - theirs).abs().amax(1) / theirs.std(1)).max().item()
        best = (ours.argmax(1) == theirs.argmax(1)).float().mean().item()
        loss = [torch.nn.functional.cross_entropy(x[:-1], tokens[1:]).item() for x in (ours, theirs)]
        print(f"{attention}: logits at most {apart:.1e} of a row's deviation apart, {100 * best:.2f} % the same best token, "
              f"loss {loss[0]:.6f} and {loss[1]:.6f}")
        good = good and apart < LOGITS
        if golden and attention == "sparse":
            save_file(golden_of(tokens, theirs), golden)
    return 0 if good else 1


if __name__ == "__main__":
    with torch.no_grad():
        sys.exit(main(*sys.argv[1:]))
