#!/usr/bin/env python3
"""What guesses gain: answers with `--speculation auto` and `off`, in turn, in one run.

    bench/speculation.py [--dsa build/release/dsa] [--model smollm2] [--threads N] [--runs 3] [--tokens N] [--base]

Three kinds of answers, greedy but for the last: a passage of this project's documents that stands in the prompt twice is
written again, as it is and, with words that may not be used, edited; questions about a document that quote it; and talk, which
has little to copy.  For each kind the median of the ratios of decode times over its prompts, each between the medians of its
runs.  An answer that differs between the two ends the program: nothing that guesses may change.  With `--base`, for a model
that goes on with texts: beginnings that it goes on with at temperature 0, by each source of guesses.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
DOCUMENTS = ("docs/training.md", "docs/architecture.md", "docs/evaluation.md")
PASSAGE = 4500  # characters, some 1,000 tokens
WORDS = (" which", " what", " model")  # that an edited passage does without
QUESTIONS = (
    "What are the stages of training? Quote the sentences that say so.",
    "Quote what the text says about the indexer.",
    "Repeat the first paragraph, word for word.",
)
TALK = (
    "Tell me a story about a lighthouse keeper who finds a letter.",
    "Explain how rain comes about to a child of eight.",
    "What should I think of before I move to another city?",
    "Write a short letter to a friend about a walk in the woods.",
)

BEGINNINGS = (
    "Once upon a time there was a little girl",
    "The function returns the number of",
    "In the beginning of the year the king",
    "#include <stdio.h>\nint main(void) {\n",
    "The license under which this software is distributed",
    "It was a dark night and the old man said",
    'def load(self, path):\n    """',
    "The history of the town begins in",
)


def prose():
    """Whole sentences of the documents, without tables, lists, headings and code."""
    text = ""
    for path in DOCUMENTS:
        with open(os.path.join(ROOT, path)) as file:
            blocks = file.read().split("\n\n")
        text += "".join(block.replace("\n", " ") + "\n\n" for block in blocks if block[:1].isupper() and "|" not in block)
    return text[: text.rindex(". ", 0, PASSAGE) + 1]


class Dsa:
    """The program: one answer is one process, of which what it decoded in is looked at."""

    def __init__(self, options):
        self.program, self.model, self.tokens = options.dsa, options.model, options.tokens
        self.common = ["--json", "--disk-cache", "0", "--no-stop-repetition"]
        if options.threads:
            self.common += ["--threads", str(options.threads)]

    def call(self, *arguments, text=""):
        run = subprocess.run([self.program, *arguments], input=text, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"speculation: {' '.join(arguments)}: status {run.returncode}: {run.stderr.strip()}")
        return json.loads(run.stdout)

    def ids(self, text):
        return self.call("tokenize", self.model, "--json", text=text)["ids"]

    def answer(self, prompt, speculation):
        return self.call("run", self.model, *prompt, *self.common, "--speculation", speculation)


def prompts(dsa, folder):
    passage = prose()
    document = os.path.join(folder, "document")
    with open(document, "w") as file:
        file.write(passage)
    thrice = os.path.join(folder, "thrice")
    with open(thrice, "w") as file:
        file.write(f"{passage}\n\n{passage}\n\n{passage[: passage.index('. ', 200) + 1]}")
    copy = ["--raw", "--file", thrice, "--temperature", "0", "--max-tokens", str(dsa.tokens)]
    bans = [f"--logit-bias={dsa.ids(word)[-1]}:-inf" for word in WORDS]
    asked = ["--file", document, "--temperature", "0", "--max-tokens", "300"]
    yield "a passage again", [copy]
    yield "a passage edited", [copy + bans]
    yield "questions that quote", [["--prompt", question, *asked] for question in QUESTIONS]
    talk = ["--temperature", "0.7", "--seed", "1", "--max-tokens", "300"]
    yield "free talk", [["--prompt", question, *talk] for question in TALK]


def beginnings():
    return [["--raw", "--prompt", text, "--temperature", "0", "--max-tokens", "300"] for text in BEGINNINGS]


def compare(dsa, prompt, runs, mode="auto"):
    """(ratio, guesses, of those right, tokens of the answer)"""
    took = {mode: [], "off": []}
    tokens = timings = None
    for _ in range(runs):
        for speculation in took:
            got = dsa.answer(prompt, speculation)
            if tokens not in (None, got["token_ids"]):
                sys.exit(f"speculation: {' '.join(prompt)}: another answer with --speculation {speculation}")
            tokens = got["token_ids"]
            took[speculation].append(got["timings"]["decode_ms"])
            timings = got["timings"] if speculation == mode else timings
    ratio = statistics.median(took["off"]) / statistics.median(took[mode])
    return ratio, timings["drafted_tokens"], timings["accepted_tokens"], len(tokens)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsa", default=os.path.join(ROOT, "build/release/dsa"))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=800, help="of a copied passage")
    parser.add_argument("--base", action="store_true", help="the model goes on with texts, by each source of guesses")
    options = parser.parse_args()
    dsa = Dsa(options)
    print(f"| {options.model} | faster | each | tokens | guessed | held |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        kinds = [(mode, beginnings()) for mode in ("ngram", "mtp", "auto")] if options.base else prompts(dsa, folder)
        for kind, asked in kinds:
            rows = [compare(dsa, prompt, options.runs, kind if options.base else "auto") for prompt in asked]
            ratios = [row[0] for row in rows]
            drafted, accepted, tokens = (sum(row[i] for row in rows) for i in (1, 2, 3))
            each = " ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"| {kind} | {statistics.median(ratios):.2f}× | {each} | {tokens} | {drafted} | {accepted} |", flush=True)


if __name__ == "__main__":
    main()
