#!/usr/bin/env python3
"""dsa beside llama.cpp: the same GGUF file, threads and depths, measured in turn in one run.

    bench/compare_llamacpp.py                     all of it, about 20 minutes on two cores; writes docs/performance.md and .svg
    bench/compare_llamacpp.py --quick             a first impression: no 32K, two measurements of each cell; writes nothing
    bench/compare_llamacpp.py --depths 8192 --prompt 0 --isa avx2        AVX2 kernels, llama.cpp built without AVX-512
    bench/compare_llamacpp.py --depths 32768 --json deep.json            a part, kept ...
    bench/compare_llamacpp.py --from shallow.json deep.json              ... and joined to one table

llama.cpp is the PyPI package llama-cpp-python, built by this script for this processor in an environment of its own under
$DSA_HOME/peers (about 7 minutes, once; it needs python3-venv, cmake and a C++ compiler; clang 16 on a processor with AMX, where
what g++ 12 makes of it is killed).  A peer that dies is a row that says how.  In each cell the peer is the better of
the file as it is and of its Q4_0 requantisation, which llama.cpp repacks.  Its cache is F16 with flash attention, ours BF16.

Four processes stay loaded (dsa sparse, dsa dense, llama.cpp with either file), sleep until asked, and are asked in turn. Each
fills a depth once and rewinds after every measurement.  Progress goes to stderr, the table to stdout; the exit status is 0
whether bars are met or missed.  Anything else that runs on the machine spoils it.
"""

import argparse
import json
import os
import pathlib
import sys

from llamacpp import engines, environment, measure, plot, table

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "performance.svg"


def depths(text):
    try:
        found = sorted({int(word) for word in text.split(",")})
    except ValueError:
        found = []
    if not found or found[0] < 0:
        raise argparse.ArgumentTypeError(f'"{text}" is no list of token counts, as in 0,2048,8192')
    return found


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, help="a .gguf file (default: the default model, fetched if need be)")
    parser.add_argument("--dsa", type=pathlib.Path, default=ROOT / "build/release/dsa", help="the program (default: %(default)s)")
    parser.add_argument("--depths", type=depths, default=[0, 2048, 8192, 32768], help="default: 0,2048,8192,32768")
    parser.add_argument("--reps", type=int, default=5, help="measurements of each cell at least (default: %(default)s)")
    parser.add_argument("--prompt", type=int, default=8192, help="also a whole prompt of so many tokens; 0: none (default: %(default)s)")
    parser.add_argument("--prompt-reps", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: %(default)s)")
    parser.add_argument("--isa", choices=["native", "avx2"], default="native", help="of both engines (default: %(default)s)")
    parser.add_argument("--indexer", type=pathlib.Path, help="a trained indexer's folder instead of an untrained one")
    parser.add_argument("--random-indexer", default="4x32", metavar="HxD", help="the untrained one's shape (default: %(default)s)")
    parser.add_argument("--top-k", dest="topk", type=int, default=512, help="(default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="depths 0,2048,8192, two measurements, no whole prompt, writes nothing")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="keep all measurements there; the docs are not touched")
    parser.add_argument("--from", dest="parts", type=pathlib.Path, nargs="+", metavar="FILE", help="measure nothing: join these")
    parser.add_argument("--no-docs", action="store_true", help="do not write docs/performance.md and .svg")
    options = parser.parse_args(arguments)
    if min(options.reps, options.prompt_reps, options.threads, options.topk) < 1 or options.prompt < 0:
        parser.error("--reps, --prompt-reps, --threads and --top-k are at least 1, --prompt is at least 0")
    if options.quick:
        options.depths, options.reps, options.prompt = [0, 2048, 8192], 2, 0
    return options


def run(options):
    model = options.model or environment.default_model()
    if not os.access(options.dsa, os.X_OK):
        raise environment.Failed(f"{options.dsa} is no program: cmake --preset release && cmake --build --preset release")
    python = environment.python_of(options.isa)
    files = environment.peer_files(environment.quantizer(python), model)
    cached = max(max(options.depths) + measure.PREFILLED, options.prompt)
    options.context = -(-cached // 256) * 256
    states = environment.peers() / "states" / f"{environment.VERSION}-{model.stem}"
    model.read_bytes()  # both engines are to load it out of the page cache

    started, running, lost = {}, {}, {}
    try:
        for attention in ("sparse", "dense"):
            started[attention] = engines.start_dsa(options.dsa, model, attention, options.isa, options)
        for name, file in files.items():
            try:
                started[name] = engines.start_llamacpp(python, file, states, options)
            except engines.Died as died:
                lost[name] = f"{died.how}, while it loaded"
        running = dict(started)
        cells, machine = measure.measure(running, lost, options.depths, options.reps, options.prompt, options.prompt_reps)
        told = {name: dict(e.loaded, **e.ask("memory")) for name, e in running.items()}
    finally:
        for engine in started.values():
            engine.close()
    return {
        "isa": options.isa,
        "model": model.name,
        "model_bytes": model.stat().st_size,
        "cached_tokens": max(max(options.depths) + measure.PREFILLED, options.prompt),
        "peer": f"{environment.PACKAGE} {environment.VERSION}, {environment.build_name(options.isa)} build",
        "machine": machine,
        "engines": told,
        "lost": lost,
        "cells": cells,
    }


def join(parts):
    """The first file's run with the others' cells; the same cell twice: the last one counts."""
    results = [json.loads(part.read_text()) for part in parts]
    first = results[0]
    for path, other in zip(parts[1:], results[1:]):
        for key in ("isa", "model", "peer"):
            if other[key] != first[key]:
                raise environment.Failed(f"{path}: {key} is {other[key]}, that of {parts[0]} is {first[key]}: no one table")
        first["machine"] = measure.best([first["machine"], other["machine"]])
        # Memory belongs to the deepest cache.
        if other["cached_tokens"] > first["cached_tokens"]:
            first["cached_tokens"], first["engines"] = other["cached_tokens"], other["engines"]
    first["lost"] = {name: how for result in results for name, how in result.get("lost", {}).items()}
    cells = {(c["phase"], c["depth"]): c for result in results for c in result["cells"]}
    first["cells"] = sorted(cells.values(), key=lambda c: (c["phase"], c["depth"]))
    return first


def write_docs(result):
    marker = f"compare_llamacpp.py, {result['isa']}"
    try:
        page = table.put_between_markers(PAGE.read_text(), marker, table.markdown(result))
    except ValueError as error:
        raise environment.Failed(f"{PAGE} {error}") from error
    PAGE.write_text(page)
    if result["isa"] == "native":
        PICTURE.write_text(plot.svg(result))


def main(arguments):
    options = parse(arguments)
    result = join(options.parts) if options.parts else run(options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table.markdown(result), end="")
    if not (options.quick or options.json or options.no_docs):
        write_docs(result)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except environment.Failed as failure:
        sys.exit(f"compare_llamacpp: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
