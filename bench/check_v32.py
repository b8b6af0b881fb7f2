#!/usr/bin/env python3
"""One layer of DeepSeek-V3.2 at its published dimensions beside the bars of issue 4, out of kernels_bench.

    build/bench/bench/kernels_bench --benchmark_filter='core/|F8_E4M3.*decode|moe/.*decode' \\
        --benchmark_repetitions=5 --benchmark_out=v32.json
    bench/check_v32.py v32.json            prints the table
    bench/check_v32.py v32.json --docs     and writes it into docs/performance.md
"""

import argparse
import json
import pathlib
import re
import statistics
import sys

from llamacpp import table

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "performance.md"

# Rows by a pattern of their name: what of them is judged, how it is told, the least that is asked for.
BARS = [
    (r"core/V3\.2 sparse decode 8K", "x_dense", "{:.1f}× dense", 2.5),
    (r"core/V3\.2 sparse decode 32K", "x_dense", "{:.1f}× dense", 6),
    (r"core/V3\.2 sparse decode 128K", "x_dense", "{:.1f}× dense", 10),
    (r"core/V3\.2 dense decode .*", "%", "{:.0f} % of bf16", 40),
    (r"linear/F8_E4M3 .* decode", "%", "{:.0f} % of read", 40),
    (r"moe/V3\.2 .* decode", "%", "{:.0f} % of read", 40),
]


def rows(document):
    """name -> its repetitions."""
    found = {}
    for run in document["benchmarks"]:
        if run.get("run_type", "iteration") == "iteration":
            found.setdefault(run.get("run_name", run["name"]).removesuffix("/real_time"), []).append(run)
    return found


def markdown(document):
    context = document["context"]
    lines = [
        f"{context['cpu']}, {context['threads']} threads, kernels {context['kernels']}; read {context['read_gb_s']} GB/s, "
        f"bf16 {context['bf16_gflop_s']} GFLOP/s, int8 {context['int8_gop_s']} GOP/s measured in the same run; medians.",
        "",
        "| | µs | GB/s | GFLOP/s | got | bar | |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, runs in rows(document).items():
        for pattern, counter, told, bar in BARS:
            if not re.fullmatch(pattern, name) or counter not in runs[0]:
                continue
            median = lambda key: statistics.median(run.get(key, 0) for run in runs)
            got = median(counter)
            verdict = table.verdict(got >= bar)
            cells = (name, f"{median('real_time'):.0f}", f"{median('GB/s'):.1f}", f"{median('GOP/s'):.0f}")
            lines.append(f"| {' | '.join(cells)} | {told.format(got)} | ≥ {told.format(bar)} | {verdict} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=pathlib.Path, help="what kernels_bench --benchmark_out wrote")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    try:
        text = markdown(json.loads(options.result.read_text()))
        print(text, end="")
        if options.docs:
            PAGE.write_text(table.put_between_markers(PAGE.read_text(), "check_v32.py", text))
    except OSError as error:
        sys.exit(f"check_v32: {error.filename}: {error.strerror}")
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"check_v32: {options.result} is no result of kernels_bench ({type(error).__name__}: {error})")


if __name__ == "__main__":
    main()
