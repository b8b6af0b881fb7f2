#!/usr/bin/env python3
"""Before and after: two files of `dsa bench --json`, or two of Google Benchmark (kernels_bench), side by side.

    build/release/dsa bench smollm2 --json >before.json        ... change, build ...       dsa bench smollm2 --json >after.json
    kernels_bench --benchmark_repetitions=5 --benchmark_out=before.json                    ... and again after
    bench/compare.py before.json after.json

For each row that both files have: the medians with [least - most], and how many times as fast the second is.  A change counts
(faster, SLOWER) if the two ranges do not touch; a row measured once has no range, and is never judged.
"""

import argparse
import json
import statistics
import sys

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


class Row:
    """Repetitions of one cell as speeds: tokens or runs a second."""

    def __init__(self, median, least, most, repeated):
        self.median, self.least, self.most, self.repeated = median, least, most, repeated

    @classmethod
    def of(cls, speeds):
        return cls(statistics.median(speeds), min(speeds), max(speeds), len(speeds) > 1)

    def __str__(self):
        return f"{self.median:.4g} [{self.least:.4g} - {self.most:.4g}]" if self.repeated else f"{self.median:.4g}"


def sequences(row):
    count = row.get("sequences", 1)
    return "" if count == 1 else f" of {count}{' that share' if row['shared'] else ''}"


def dsa_rows(document):
    return {
        f"{r['attention']} {r['phase']}{sequences(r)} {r['tokens']} at {r['depth']}": Row(
            r["tok_s"], r["tok_s_min"], r["tok_s_max"], r["tok_s_min"] < r["tok_s_max"]
        )
        for r in document["rows"]
    }


def google_rows(document):
    speeds = {}
    for run in document["benchmarks"]:
        if run.get("run_type", "iteration") == "iteration" and not run.get("error_occurred"):
            speeds.setdefault(run.get("run_name", run["name"]), []).append(1 / (run["real_time"] * UNITS[run["time_unit"]]))
    return {name: Row.of(each) for name, each in speeds.items()}


def read(path):
    """(unit, rows); ends the program with one line if the file is neither."""
    try:
        with open(path) as file:
            document = json.load(file)
        if "benchmarks" in document:
            return "runs/s", google_rows(document)
        return "tok/s", dsa_rows(document)
    except OSError as error:
        sys.exit(f"compare: {path}: {error.strerror}")
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"compare: {path} is neither of dsa bench --json nor of Google Benchmark ({type(error).__name__}: {error})")


def judge(before, after):
    if not (before.repeated and after.repeated):
        return "measured once"
    if after.least > before.most:
        return "faster"
    if after.most < before.least:
        return "SLOWER"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    options = parser.parse_args()
    (unit, before), (after_unit, after) = read(options.before), read(options.after)
    if unit != after_unit:
        sys.exit(f"compare: {options.before} has {unit}, {options.after} {after_unit}: two files of one kind are wanted")
    shared = [name for name in before if name in after]
    if not shared:
        sys.exit(f"compare: {options.before} and {options.after} have no row in common")
    lines = [("", f"before, {unit}", f"after, {unit}", "times", "")]
    for name in shared:
        b, a = before[name], after[name]
        lines.append((name, str(b), str(a), f"{a.median / b.median:.3f}", judge(b, a)))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    for name, b, a, times, verdict in lines:
        print(f"{name:<{widths[0]}}  {b:>{widths[1]}}  {a:>{widths[2]}}  {times:>{widths[3]}}  {verdict}".rstrip())
    for what, rows, other in (("before", before, after), ("after", after, before)):
        if missing := [name for name in rows if name not in other]:
            print(f"only {what}: {', '.join(missing)}")


if __name__ == "__main__":
    main()
