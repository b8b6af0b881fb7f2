"""python3 -m unittest llamacpp.results_test, from bench/: bars, table and plot on figures worked out by hand."""

import copy
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree

from . import bars, engines, environment, measure, plot, table

MACHINE = {
    "cpu": "a processor",
    "threads": 2,
    "read_gb_s": 20.0,
    "fp32_gflop_s": 100.0,
    "bf16_gflop_s": 200.0,
    "int8_gop_s": 400.0,
}


def cost(**given):
    return dict({"bytes": 0, "fp32_ops": 0, "bf16_ops": 0, "int8_ops": 0}, **given)


def cell(phase, depth, sparse, dense, q4_1, q4_0, tokens=10, moved=1e9):
    """Seconds of each engine, of which the median is the second."""
    around = lambda s: [1.1 * s, s, 0.9 * s]
    return {
        "phase": phase,
        "depth": depth,
        "tokens": tokens,
        "seconds": {"sparse": around(sparse), "dense": around(dense), "Q4_1": around(q4_1), "Q4_0": around(q4_0)},
        "cost": {"sparse": cost(bytes=moved), "dense": cost(int8_ops=8e9, bf16_ops=1)},
    }


def engine(**more):
    told = {"load_ms": 300, "peak_rss_bytes": 200_000_000, "cache_bytes_per_token": 1000}
    return dict(told, kernels="avx2", indexer="4x32, random", topk=512, **more)


RESULT = {
    "isa": "native",
    "model": "model.gguf",
    "model_bytes": 40_000_000,
    "cached_tokens": 11_000,
    "peer": "llama-cpp-python",
    "machine": MACHINE,
    "engines": {"sparse": engine(), "dense": engine()},
    "cells": [
        cell("first", 0, 0.05, 0.05, 0.1, 0.1, tokens=30),
        cell("decode", 0, 0.1, 0.1, 0.15, 0.12),
        cell("decode", 2048, 0.1, 0.2, 0.3, 0.25),
        cell("decode", 32768, 0.2, 1.0, 4.0, 5.0),
        cell("prompt", 0, 1.0, 2.0, 4.5, 4.4, tokens=8192),
    ],
}


class Bars(unittest.TestCase):
    def test_the_peer_is_the_faster_file_of_each_cell(self):
        self.assertEqual(bars.peer(RESULT["cells"][2]), "Q4_0")
        self.assertEqual(bars.peer(RESULT["cells"][3]), "Q4_1")
        self.assertAlmostEqual(bars.ratio(RESULT["cells"][3], "sparse"), 20)
        self.assertAlmostEqual(bars.ratio(RESULT["cells"][1], "dense"), 1.2)

    def test_speeds_are_median_least_most(self):
        median, least, most = bars.speeds(RESULT["cells"][1], "sparse")
        self.assertAlmostEqual(median, 100)
        self.assertAlmostEqual(least, 10 / 0.11)
        self.assertAlmostEqual(most, 10 / 0.09)

    def test_ceiling_is_the_longer_of_reading_and_computing(self):
        self.assertEqual(bars.least_time(cost(bytes=40e9), MACHINE), (2, "read"))
        self.assertEqual(bars.least_time(cost(bytes=10e9, fp32_ops=50e9, bf16_ops=200e9), MACHINE), (1.5, "bf16"))
        # 1 GB at 20 GB/s: 0.05 s for 10 tokens.
        self.assertEqual(bars.ceiling(RESULT["cells"][1], "sparse", MACHINE), (200, "read"))

    def test_which_bar_a_cell_has(self):
        self.assertEqual(bars.bar("native", RESULT["cells"][3], "sparse"), 18)
        self.assertEqual(bars.bar("native", RESULT["cells"][4], "sparse"), 4)
        self.assertIsNone(bars.bar("native", RESULT["cells"][4], "dense"))
        self.assertIsNone(bars.bar("avx2", RESULT["cells"][3], "sparse"))

    def test_share_of_bandwidth_asked_for(self):
        self.assertAlmostEqual(bars.read_share_bar(28, 0.75, 0.35), 0.75)
        self.assertAlmostEqual(bars.read_share_bar(70, 0.75, 0.35), 0.55)
        self.assertAlmostEqual(bars.read_share_bar(130, 0.75, 0.35), 0.35)

    def test_checks(self):
        got = {check.what: (check.got, check.met) for check in bars.checks(RESULT)}
        self.assertEqual(got["sparse decode at 32K, of its speed at 2K"], ("50%", False))
        # 100 tokens a second of 0.1 GB each.
        self.assertEqual(got["sparse decode at 0: bytes moved, of 20 GB/s"], ("10.0 GB/s, 50%", False))
        self.assertEqual(got["first token of a 30-token prompt"], ("50 ms", True))
        self.assertEqual(got["load, dense, file in the page cache"], ("300 ms", True))
        # 40 MB of file, 11 MB of cache, 150 MB.
        self.assertEqual(got["peak memory, sparse: file, cache and 150 MB"], ("200 MB", True))
        heavier = copy.deepcopy(RESULT)
        heavier["engines"]["sparse"]["peak_rss_bytes"] = 201_500_000
        self.assertIn(False, [c.met for c in bars.checks(heavier) if c.what.startswith("peak memory, sparse")])


class Table(unittest.TestCase):
    def test_rows_say_ratio_bar_and_verdict(self):
        rows = table.markdown(RESULT).splitlines()
        self.assertIn("| decode | dense | 0 | 100 [90.9 – 111] | 20% (int8) | 83.3 [75.8 – 92.6] (Q4_0) | 1.20× | ≥ 1.25× | **missed** |", rows)
        self.assertTrue(any(r.startswith("| decode | sparse | 32K |") and r.endswith("| 20.00× | ≥ 18× | met |") for r in rows))
        self.assertTrue(any(r.startswith("| whole prompt | sparse | 8K |") and r.endswith("| 4.40× | ≥ 4× | met |") for r in rows))

    def test_markers(self):
        page = "a\n<!-- name -->\nold\n<!-- end of name -->\nb\n"
        self.assertEqual(table.put_between_markers(page, "name", "new\n"), "a\n<!-- name -->\nnew\n<!-- end of name -->\nb\n")
        self.assertRaises(ValueError, table.put_between_markers, page, "other", "new\n")


def scripted(name, script):
    """An engine that is a shell script; its first line says how it was loaded."""
    return engines.Engine(name, ["sh", "-c", f"echo '{{}}'; {script}"])


ANSWERS = """while read -r word; do echo '{"seconds": 0.5}'; done"""
DIES = """read -r word; echo '{"seconds": 0.25}'; read -r word; kill -ILL $$"""


class APeerThatDies(unittest.TestCase):
    def setUp(self):
        self.said, measure.say = measure.say, lambda text: None
        self.settle, measure.SETTLE_SECONDS = measure.SETTLE_SECONDS, 0

    def tearDown(self):
        measure.say, measure.SETTLE_SECONDS = self.said, self.settle

    def test_the_others_are_measured_on(self):
        all_of_them = {"sparse": scripted("dsa", ANSWERS), "Q4_0": scripted("llama.cpp", DIES)}
        running, lost = dict(all_of_them), {}
        made = measure.alternate(running, lost, ("decode", 0, 32), 3)
        for one in all_of_them.values():
            one.close()
        self.assertEqual(lost, {"Q4_0": "killed by SIGILL, asked for decode 0 32"})
        self.assertEqual(list(made["seconds"]), ["sparse"])
        self.assertGreaterEqual(len(made["seconds"]["sparse"]), 3)

    def test_one_that_dies_while_it_loads_says_how(self):
        for script, how in (("kill -ILL $$", "killed by SIGILL"), ("exit 3", "ended with status 3")):
            with self.assertRaises(engines.Died) as died:
                engines.Engine("llama.cpp", ["sh", "-c", script])
            self.assertEqual(died.exception.how, how)

    def test_it_is_a_row_of_the_table(self):
        result = copy.deepcopy(RESULT)
        result["lost"] = {"Q4_0": "killed by SIGILL, asked for prefill 0 30", "Q4_1": "ended with status 3"}
        for one in result["cells"]:
            del one["seconds"]["Q4_0"], one["seconds"]["Q4_1"]
        rows = table.markdown(result).splitlines()
        self.assertIn("| died |  |  |  |  | killed by SIGILL, asked for prefill 0 30 (Q4_0) |  |  |  |", rows)
        self.assertTrue(any(r.startswith("| decode | sparse | 32K |") and "none left" in r for r in rows))
        result["cells"] += [dict(result["cells"][1], phase="prefill")]
        xml.etree.ElementTree.fromstring(plot.svg(result))

    def test_clang_builds_it_where_the_processor_has_amx(self):
        with tempfile.TemporaryDirectory() as folder:
            cpuinfo = pathlib.Path(folder) / "cpuinfo"
            there = environment.shutil.which
            try:
                environment.shutil.which = lambda program: f"/usr/bin/{program}"
                cpuinfo.write_text("flags : fpu avx512f amx_tile amx_int8\n")
                self.assertEqual(environment.compiler_of("native", cpuinfo)["CXX"], "clang++-16")
                self.assertEqual(environment.compiler_of("avx2", cpuinfo), {})
                cpuinfo.write_text("flags : fpu avx512f\n")
                self.assertEqual(environment.compiler_of("native", cpuinfo), {})
            finally:
                environment.shutil.which = there


class Plot(unittest.TestCase):
    def test_it_is_xml_with_a_line_for_each_series(self):
        result = copy.deepcopy(RESULT)
        result["cells"] += [cell("prefill", d, 0.1, 0.1, 0.2, 0.3) for d in (0, 2048)]
        root = xml.etree.ElementTree.fromstring(plot.svg(result))
        self.assertEqual(len(root.findall("{*}polyline")), 2 * len(plot.LINES))

    def test_higher_is_faster_and_right_is_deeper(self):
        panel = plot.Panel(0, "", plot.series(RESULT, "decode"))
        self.assertLess(panel.y(100), panel.y(10))
        self.assertLess(panel.x(0), panel.x(2048))


if __name__ == "__main__":
    unittest.main()
