#!/usr/bin/env python3
"""`dsa serve` beside llama.cpp's own server: the same GGUF file, threads and questions, measured in turn in one run.

    bench/compare_server.py                       all rows three times, about an hour on two cores; writes docs/serving.md and .svg
    bench/compare_server.py --quick               a first impression: each row once, long texts half as long; writes nothing
    bench/compare_server.py --rows a,c,d          some of the rows; writes nothing
    bench/compare_server.py --from one.json b.json    a table of what --json kept; of a row measured twice, the last

    a  output tokens a second, 1 to 16 clients     d  gaps of running streams while a long prompt arrives
    b  the same, one document for all              e  what the disk cache costs where nothing hits
    c  first token: cold, memory, disk, restart    f  a client leaves: until its pages are free
    g  a thousand open streams, over an engine that plays a script (build/test's serve_script)

llama.cpp's server is built by this script out of the sdist of llama-cpp-python, once, under $DSA_HOME/peers (about 10 minutes;
it needs python3-venv, cmake and a C++ compiler, as bench/compare_llamacpp.py says).  In each cell the peer is the better of the
file as it is and of its Q4_0 requantisation; one that is 15 % behind in a row's first repetition is not asked again.

A row that fails says why, and the others go on.  Progress goes to stderr, the table to stdout; the exit status is 0 whether
bars are met or missed, 1 if a row failed.  Anything else that runs on the machine spoils it.
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import types

from llamacpp import engines, environment, measure, server_build
from llamacpp.table import put_between_markers
from serving import client, plot, rows, servers, table
from serving.bench import Bench

ROOT = environment.ROOT
PAGE = ROOT / "docs" / "serving.md"
PICTURE = ROOT / "docs" / "serving.svg"
MARKER = "compare_server.py"


def chosen_rows(text):
    found = [word for word in text.split(",") if word]
    if not found or set(found) - set(rows.ROWS):
        raise argparse.ArgumentTypeError(f'"{text}" is no list of rows, as in a,c,d: there are {",".join(rows.ROWS)}')
    return [name for name in rows.ROWS if name in found]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, help="a .gguf file (default: the default model, fetched if need be)")
    parser.add_argument("--dsa", type=pathlib.Path, default=ROOT / "build/release/dsa", help="the program (default: %(default)s)")
    script = ROOT / "build/test/tests/server/serve_script"
    parser.add_argument("--serve-script", type=pathlib.Path, default=script, help="for row g (default: %(default)s)")
    parser.add_argument("--rows", type=chosen_rows, default=list(rows.ROWS), help="default: all of them")
    parser.add_argument("--reps", type=int, default=3, help="repetitions of each row (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="each row once, the peer with Q4_0 alone, long texts half as long")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="keep all measurements there")
    parser.add_argument("--from", dest="parts", type=pathlib.Path, nargs="+", metavar="FILE", help="measure nothing: join these")
    parser.add_argument("--no-docs", action="store_true", help="do not write docs/serving.md and .svg")
    options = parser.parse_args(arguments)
    if min(options.reps, options.threads) < 1:
        parser.error("--reps and --threads are at least 1")
    if options.quick:
        options.reps = 1
    return options


def look_at_machine(options, model):
    few = types.SimpleNamespace(threads=options.threads, context=512)
    engine = engines.start_dsa(options.dsa, model, "dense", "native", few)
    try:
        return engine.ask("machine")
    finally:
        engine.close()


def run(options):
    if not os.access(options.dsa, os.X_OK):
        raise environment.Failed(f"{options.dsa} is no program: cmake --preset release && cmake --build --preset release")
    model = options.model or environment.default_model()
    programs = server_build.programs_of("native")
    files = environment.peer_files(server_build.quantizer(programs), model)
    for file in files.values():
        file.read_bytes()  # both servers are to load it out of the page cache
    kinds = list(files)[:1] if options.quick else list(files)
    machines, cells, failed, shares = [look_at_machine(options, model)], {}, {}, {}
    with servers.Stage(options.dsa, programs / "llama-server", options.serve_script, model, files, options.threads) as stage:
        bench = Bench(stage, kinds, options.quick, options.reps)
        for name in options.rows:
            environment.say(f"row {name}: {rows.ROWS[name].__doc__.partition(': ')[2]}")
            try:
                cells |= rows.ROWS[name](bench)
                shares[name] = bench.client_share()
            except (environment.Failed, client.Wrong, OSError) as failure:
                failed[name] = str(failure)
                environment.say(f"row {name} failed: {failure}")
            finally:
                stage.clear()
    machines.append(look_at_machine(options, model))
    return {
        "model": model.name,
        "peer": f"{environment.PACKAGE} {environment.VERSION}, {environment.build_name('native')} build",
        "machine": measure.best(machines),
        "document": bench.document,
        "shared": bench.shared,
        "reps": options.reps,
        "cells": cells,
        "client": shares,
        "lost": bench.lost,
        "failed": failed,
    }


def join(parts):
    """The first file's run with the others' rows."""
    results = [json.loads(part.read_text()) for part in parts]
    first = results[0]
    for path, other in zip(parts[1:], results[1:]):
        for key in ("model", "peer", "document", "shared", "reps"):
            if other[key] != first[key]:
                raise environment.Failed(f"{path}: {key} is {other[key]}, that of {parts[0]} is {first[key]}: no one table")
        first["machine"] = measure.best([first["machine"], other["machine"]])
        for key in ("cells", "client", "lost"):
            first[key] |= other[key]
        measured = {name.partition("/")[0] for name in first["cells"]}
        first["failed"] = {name: why for name, why in {**first["failed"], **other["failed"]}.items() if name not in measured}
    return first


def write_docs(result):
    try:
        page = put_between_markers(PAGE.read_text(), MARKER, table.markdown(result))
    except ValueError as error:
        raise environment.Failed(f"{PAGE} {error}") from error
    PAGE.write_text(page)
    PICTURE.write_text(plot.svg(result))


def main(arguments):
    options = parse(arguments)
    result = join(options.parts) if options.parts else run(options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table.markdown(result), end="")
    partial = options.quick or options.json or options.rows != list(rows.ROWS)
    if not (partial or options.no_docs):
        write_docs(result)
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    try:
        sys.exit(main(sys.argv[1:]))
    except environment.Failed as failure:
        sys.exit(f"compare_server: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
