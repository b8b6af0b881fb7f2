"""python3 -m unittest serving.results_test, from bench/: the client against a scripted server; rows, bars, table and plot on
figures worked out by hand."""

import http.server
import json
import threading
import types
import unittest
import xml.etree.ElementTree

from . import bars, bench, client, plot, prompts, rows, table

MACHINE = {"cpu": "a processor", "threads": 2, "read_gb_s": 20.0, "fp32_gflop_s": 100.0, "bf16_gflop_s": 200.0, "int8_gop_s": 400.0}


def cell(*ours, **peers):
    return {"dsa": list(ours), **{who: list(values) for who, values in peers.items()}}


RESULT = {
    "model": "model.gguf",
    "peer": "llama-cpp-python",
    "machine": MACHINE,
    "document": 7936,
    "shared": 6400,
    "reps": 3,
    "cells": {
        "a/1": cell(90, 100, 120, Q4_0=[50, 51, 52], Q4_1=[40]),
        "a/4": cell(200, Q4_0=[60], Q4_1=[80]),
        "a/8": cell(240, Q4_0=[60]),
        "a/16": cell(300),
        "c/cold": cell(10_000, Q4_0=[40_000]),
        "c/ram": cell(100, Q4_0=[400]),
        "c/disk": cell(500),
        "c/restart": cell(1000, Q4_0=[42_000]),
        "d/undisturbed": cell(10, Q4_0=[60]),
        "d/undisturbed p99": cell(15, Q4_0=[70]),
        "d/p99": cell(19, Q4_0=[3000]),
        "d/first": cell(15_000, Q4_0=[50_000]),
        "d/times": cell(1.9, Q4_0=[50]),
        "e/percent": cell(1.5, 2.5, 3),
        "f/reading": cell(40),
        "f/reading passes": cell(3),
        "g/kb": cell(20, 70, 30),
        "g/p99": cell(4, 6, 4.5),
        "g/lost": cell(0, 1, 0),
    },
    "client": {"a": 0.02},
    "lost": {"Q4_1": "killed by SIGILL"},
    "failed": {"b": "no | answer"},
}


class Table(unittest.TestCase):
    def setUp(self):
        self.rows = table.markdown(RESULT).splitlines()

    def test_the_peer_is_its_better_file_in_each_cell(self):
        self.assertIn("| 512-token prompts, all different, 128 out, 1 client | 100 [90.0 – 120] tok/s | 51.0 [50.0 – 52.0] (Q4_0) | 1.96× | ≥ 2× the peer | **missed** |", self.rows)
        self.assertIn("| 512-token prompts, all different, 128 out, 4 clients | 200 tok/s | 80.0 (Q4_1) | 2.50× | ≥ 3× the peer | **missed** |", self.rows)

    def test_a_peer_that_died_leaves_no_verdict(self):
        self.assertIn("| 512-token prompts, all different, 128 out, 16 clients | 300 tok/s | died |  | ≥ 3× the peer |  |", self.rows)
        self.assertIn("| died |  | killed by SIGILL (Q4_1) |  |  |  |", self.rows)

    def test_first_tokens_are_compared_with_ours_cold_and_with_the_peer(self):
        self.assertIn("| a second question, document in memory | 100 ms | 400 (Q4_0) | 4.00× | ≤ 1/50 of cold: 1/100 | met |", self.rows)
        self.assertIn("| …, driven out of memory, on disk | 500 ms |  |  | ≤ 1/20 of cold: 1/20 | met |", self.rows)
        self.assertIn("| …, after a restart | 1000 ms | 42000 (Q4_0) | 42.00× | ≤ 1/20 of cold: 1/10 | **missed** |", self.rows)

    def test_bars_against_ourselves(self):
        verdicts = {line.what: line.met for line in bars.lines(RESULT["cells"])}
        self.assertIs(verdicts["8 clients against 1, ours"], False)
        self.assertIs(verdicts["that p99, in undisturbed medians"], True)
        self.assertIs(verdicts["the disk cache where nothing hits, of the speed at 1 client"], False)
        self.assertIs(verdicts["a client leaves while reading: pages free"], False)
        self.assertIs(verdicts["1,000 open streams, scripted engine: memory of each"], False)
        self.assertIs(verdicts["…, p99 of what is added to a token's way"], True)
        self.assertIs(verdicts["…, tokens lost"], False)

    def test_a_row_that_failed_says_why(self):
        self.assertIn("| row b | not measured |  |  | no / answer |  |", self.rows)

    def test_a_run_of_nothing_is_a_table_and_a_picture(self):
        empty = dict(RESULT, cells={}, client={})
        self.assertIn("row b", table.markdown(empty))
        xml.etree.ElementTree.fromstring(plot.svg(empty))


class Plot(unittest.TestCase):
    def test_a_line_for_each_server_and_a_bar_for_each_wait(self):
        root = xml.etree.ElementTree.fromstring(plot.svg(RESULT))
        self.assertEqual(len(root.findall("{*}polyline")), 2)
        # The background; four of ours, three of the peer's.
        self.assertEqual(len(root.findall("{*}rect")), 1 + 7)


class Figures(unittest.TestCase):
    def test_a_gap_counts_where_it_touches_the_time(self):
        streams = [types.SimpleNamespace(stamps=[0, 1, 3, 4]), types.SimpleNamespace(stamps=[2.5, 9])]
        self.assertEqual(rows.gaps_within(streams, 2, 3.5), [2000, 1000, 6500])
        self.assertEqual(rows.gaps_within(streams, 0, 1), [1000])

    def test_percentile_is_one_of_the_values(self):
        self.assertEqual(rows.percentile(range(1, 101), 99), 99)
        self.assertEqual(rows.percentile([5, 7], 99), 7)
        self.assertEqual(rows.percentile([5], 99), 5)

    def test_tokens_that_waited_together_have_a_clock_each(self):
        events = [b'data: {"choices": [{"text": "1000000 2500000 "}]}', b'data: {"choices": []}']
        stream = types.SimpleNamespace(stamps=[3.0, 4.0], events=events)
        self.assertEqual(list(rows.clocks(stream)), [(3.0, 1.0), (3.0, 2.5)])

    def test_pages_of_the_prefix_cache_are_free(self):
        metrics = dict(kv_cache_pages=10, kv_cache_pages_free=7, kv_cache_pages_cached=3, num_requests_running=0, num_requests_waiting=0)
        self.assertTrue(rows.idle(metrics))
        for name, value in (("kv_cache_pages_free", 6), ("num_requests_running", 1), ("num_requests_waiting", 1)):
            self.assertFalse(rows.idle({**metrics, name: value}))


class InTurn(unittest.TestCase):
    def setUp(self):
        self.said, bench.say = bench.say, lambda text: None
        self.bench = bench.Bench(None, ["Q4_0", "Q4_1"], quick=False, reps=3)
        self.servers = [types.SimpleNamespace(who=who, last_words=lambda: "") for who in ("dsa", "Q4_0", "Q4_1")]

    def tearDown(self):
        bench.say = self.said

    def test_the_slower_file_is_asked_once_and_ours_always(self):
        took = {"dsa": 100, "Q4_0": 10, "Q4_1": 12}
        made = self.bench.in_turn(self.servers, lambda server, _: {"x": took[server.who]}, lambda made: made["x"])
        self.assertEqual({who: len(values) for who, values in made["x"].items()}, {"dsa": 3, "Q4_0": 3, "Q4_1": 1})

    def test_a_peer_that_fails_is_lost_and_ours_is_the_row(self):
        def measure(server, _):
            if server.who == self.fails:
                raise client.Wrong("gone")
            return {"x": 1}

        self.fails = "Q4_1"
        made = self.bench.in_turn(self.servers, measure, lambda made: made["x"])
        self.assertEqual({who: len(values) for who, values in made["x"].items()}, {"dsa": 3, "Q4_0": 3})
        self.assertEqual(self.bench.lost, {"Q4_1": "gone"})
        self.fails = "dsa"
        self.assertRaises(bench.Failed, self.bench.in_turn, self.servers, measure, lambda made: made["x"])


EVENTS = [b': keep-alive\n\n', b'data: {"choices": [{"text": "a"}]}\n', b'\ndata: {"choices": [{"text": "b"}]}\n\n']
USAGE = {"completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 64}}
ENDS = [b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n", b"data: [DONE]\n\n"]


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers as the prompt's first id says: 1 a whole stream, 2 one that breaks off, 3 one that goes on, else an error."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        kind = asked["prompt"][0]
        self.send_response(200 if kind < 4 else 503)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in {1: EVENTS + ENDS, 2: EVENTS, 3: EVENTS}.get(kind, [b"no room"]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        if kind == 3:
            self.rfile.read(1)  # until the client has gone
            self.server.gone.set()
        self.wfile.write(b"0\r\n\r\n")


class Client(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        self.server.asked, self.server.gone = [], threading.Event()
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def test_events_are_stamped_however_they_are_cut(self):
        stream = client.Stream(self.port, [1, 7], 2).read()
        self.assertEqual(len(stream.stamps), 3)  # two texts and the usage, no comment
        self.assertTrue(stream.whole)
        self.assertEqual((stream.usage["completion_tokens"], stream.cached, stream.from_disk), (2, 64, 0))
        self.assertGreaterEqual(stream.first_token_ms, 0)
        asked = self.server.asked[0]
        self.assertEqual((asked["prompt"], asked["max_tokens"], asked["ignore_eos"], asked["temperature"]), ([1, 7], 2, True, 0))

    def test_an_answer_of_another_length_is_none(self):
        server = types.SimpleNamespace(port=self.port)
        bench.whole(server, [1], 2)
        self.assertRaisesRegex(client.Wrong, "has 2 tokens, expected 3", bench.whole, server, [1], 3)

    def test_what_breaks_off_or_is_refused_is_wrong(self):
        self.assertRaisesRegex(client.Wrong, "broke off", client.Stream(self.port, [2], 2).read)
        self.assertRaisesRegex(client.Wrong, "status 503: no room", client.Stream(self.port, [4], 2).read)

    def test_who_hangs_up_is_not_wrong(self):
        stream = client.Stream(self.port, [3], 2)
        running = client.Running([stream.read])
        while len(stream.stamps) < 2:
            running.check()
        stream.hang_up()
        running.join()
        self.assertFalse(stream.whole)
        self.assertTrue(self.server.gone.wait(10))

    def test_a_loop_asks_each_prompt_once(self):
        server = types.SimpleNamespace(port=self.port)
        self.assertGreater(bench.closed_loop(server, [[1, i] for i in range(7)], 3, 2), 0)
        self.assertEqual(sorted(asked["prompt"][1] for asked in self.server.asked), list(range(7)))


class Texts(unittest.TestCase):
    def test_the_same_seed_is_the_same_text_and_no_stretch_comes_twice(self):
        client_post = client.post
        client.post = lambda _port, _path, body: {"tokens": body["prompt"].split()}
        try:
            server = types.SimpleNamespace(port=0)
            one, same, other = (prompts.Prompts(server, seed) for seed in (1, 1, 2))
            first = one.take(40)
            self.assertEqual(len(first), 40)
            self.assertEqual(first, same.take(40))
            self.assertNotEqual(first, one.take(40))
            self.assertNotEqual(first, other.take(40))
        finally:
            client.post = client_post


if __name__ == "__main__":
    unittest.main()
