"""The rows: each starts its servers, asks them in turn and gives back cells, name -> who -> [a value of each repetition].
docs/serving.md, "Beside llama.cpp's server" says what each is for."""

import json
import pathlib
import resource
import statistics
import time

from . import client
from .bench import closed_loop, whole
from .prompts import Prompts
from .servers import OURS

PROMPT, ANSWER = 512, 128  # tokens
QUESTION = 32
CLIENTS = (1, 4, 8, 16)
SHARING = 4  # clients of one document
STREAMS = 4  # that run while a long prompt arrives
STREAM_PROMPT, STREAM_ANSWER = 64, 7000
OPEN_STREAMS, OPEN_TOKENS, OPEN_TOKEN_MS = 1000, 12, 1000
CONTEXT = 8192


def percentile(values, percent):
    """The least value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]


def throughput(bench):
    """a: prompts that are all different"""
    contestants = bench.contestants(max(CLIENTS), PROMPT + ANSWER + 64)

    def measure(server, repetition):
        made = {}
        for clients in CLIENTS:
            prompts = Prompts(contestants[0], f"throughput {repetition} {clients}")
            asked = clients if bench.quick else max(4, 2 * clients)
            made[f"a/{clients}"] = closed_loop(server, [prompts.take(PROMPT) for _ in range(asked)], clients, ANSWER)
        return made

    return bench.in_turn(contestants, measure, lambda made: sum(1 / speed for speed in made.values()))


def shared_document(bench):
    """b: prompts that begin with one document, new in each repetition"""
    contestants = bench.contestants(SHARING, CONTEXT)

    def measure(server, repetition):
        prompts = Prompts(contestants[0], f"shared {repetition}")
        document = prompts.take(bench.shared)
        asked = [document + prompts.take(QUESTION) for _ in range(SHARING)]
        return {f"b/{SHARING}": closed_loop(server, asked, SHARING, ANSWER)}

    return bench.in_turn(contestants, measure, lambda made: 1 / made[f"b/{SHARING}"])


def first_token(bench):
    """c: the first token of a second question about a document"""
    # Memory for one context that one document fills: a second document drives the first one out of it.
    context = bench.document + 256
    contestants = bench.contestants(1, context, "--cache-ram", "0", "--ctx", context)

    def measure(server, repetition):
        prompts = Prompts(contestants[0], f"first token {repetition}")
        document, other = prompts.take(bench.document), prompts.take(bench.document)

        def ask(text, hit=False, disk=False):
            stream = whole(server, text + prompts.take(QUESTION), 8)
            found = stream.from_disk if disk else stream.cached - stream.from_disk
            if hit and found < 0.9 * len(text):
                where = "disk" if disk else "memory"
                raise client.Wrong(f"{found} of {len(text)} tokens were found in {where}, {stream.cached} in all")
            return stream.first_token_ms

        made = {"c/cold": ask(document), "c/ram": ask(document, hit=True)}
        if server.who == OURS:
            settle_disk(server)
            ask(other)
            made["c/disk"] = ask(document, hit=True, disk=True)
        server.restart()
        made["c/restart"] = ask(document, hit=server.who == OURS, disk=True)
        return made

    return bench.in_turn(contestants, measure, lambda made: made["c/cold"])


def settle_disk(server, seconds=2.0):
    """Pages are written beside the answers: waits until none comes any more."""
    home, seen = server.environment["DSA_HOME"], -1
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        count = sum(1 for _ in pathlib.Path(home, "cache").rglob("*"))
        if count == seen:
            return
        seen = count
        time.sleep(seconds / 2)


def gaps(bench):
    """d: what running streams feel of a long prompt"""
    contestants = bench.contestants(STREAMS + 1, CONTEXT)
    calm_seconds = 3 if bench.quick else 8

    def measure(server, repetition):
        prompts = Prompts(contestants[0], f"gaps {repetition}")
        streams = [client.Stream(server.port, prompts.take(STREAM_PROMPT), STREAM_ANSWER) for _ in range(STREAMS)]
        long = client.Stream(server.port, prompts.take(bench.document), 2)
        running = client.Running([stream.read for stream in streams])
        try:
            while not all(len(stream.stamps) > 2 for stream in streams):
                running.check()
                time.sleep(0.05)
            calm = time.monotonic()
            time.sleep(calm_seconds)
            long.read()
        finally:
            for stream in streams:
                stream.hang_up()
        running.join()
        if any(stream.whole for stream in streams):
            raise client.Wrong(f"a stream of {STREAM_ANSWER} tokens ended before the long prompt was read")
        calm_gaps = gaps_within(streams, calm, long.begun)
        undisturbed = statistics.median(calm_gaps)
        disturbed = gaps_within(streams, long.begun, long.stamps[0])
        return {
            "d/undisturbed": undisturbed,
            "d/undisturbed p99": percentile(calm_gaps, 99),
            "d/p99": percentile(disturbed, 99),
            "d/first": long.first_token_ms,
            "d/times": percentile(disturbed, 99) / undisturbed,
        }

    return bench.in_turn(contestants, measure, lambda made: made["d/p99"])


def gaps_within(streams, begin, end):
    """Milliseconds between a stream's tokens, of all gaps that touch the time from begin to end."""
    pairs = [pair for stream in streams for pair in zip(stream.stamps, stream.stamps[1:])]
    return [1000 * (later - sooner) for sooner, later in pairs if later > begin and sooner < end]


def cache_cost(bench):
    """e: what the cache costs where nothing hits"""
    servers = [bench.stage.ours(), bench.stage.ours("--disk-cache", "0", who="no disk")]
    pairs = 2 if bench.quick else 5 * bench.reps

    def measure(server, repetition):
        made = []
        for pair in range(pairs):
            prompts = Prompts(servers[0], f"cost {repetition} {pair}")
            order = servers if pair % 2 else servers[::-1]
            speeds = {s.who: closed_loop(s, [prompts.take(PROMPT) for _ in range(2)], 1, ANSWER) for s in order}
            made.append(100 * (1 - speeds[OURS] / speeds["no disk"]))
        return {"e/percent": statistics.median(made)}

    return bench.in_turn(servers[:1], measure, lambda made: 0)


def cancel(bench):
    """f: from a client's leaving until its pages are free"""
    server = bench.stage.ours()

    def leave(prompt, tokens, ready):
        stream = client.Stream(server.port, prompt, tokens)
        running = client.Running([stream.read])
        before = server.metrics()
        while not ready(stream, before, server.metrics()):
            running.check()
            time.sleep(0.002)
        passes = server.metrics()["forward_passes_total"]
        start = time.monotonic()
        stream.hang_up()
        while not idle(now := server.metrics()):
            if time.monotonic() - start > 60:
                raise client.Wrong("a cancelled answer still holds its pages after 60 s")
            time.sleep(0.001)
        took = 1000 * (time.monotonic() - start)
        running.join()
        return took, now["forward_passes_total"] - passes

    def measure(_, repetition):
        prompts = Prompts(server, f"cancel {repetition}")
        reading = leave(prompts.take(bench.document), 2, lambda _, before, now: now["forward_passes_total"] > before["forward_passes_total"])
        writing = leave(prompts.take(PROMPT), STREAM_ANSWER, lambda stream, *_: len(stream.stamps) > 16)
        return {"f/reading": reading[0], "f/reading passes": reading[1], "f/writing": writing[0], "f/writing passes": writing[1]}

    return bench.in_turn([server], measure, lambda made: 0)


def idle(metrics):
    held = metrics["kv_cache_pages"] - metrics["kv_cache_pages_free"] - metrics["kv_cache_pages_cached"]
    return held == 0 and metrics["num_requests_running"] == 0 and metrics["num_requests_waiting"] == 0


def open_streams(bench):
    """g: many streams at once, of an engine that plays a script and says when it sent each token"""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    answer = {"text": "a", "repeat": OPEN_TOKENS, "read_ms": OPEN_TOKEN_MS, "token_ms": OPEN_TOKEN_MS, "clock": True}
    server = bench.stage.scripted({"queue": 2 * OPEN_STREAMS, "answers": [answer]})

    def measure(_, repetition):
        before = server.resident_bytes()
        streams = [client.Stream(server.port, "begin", OPEN_TOKENS, keep=True) for _ in range(OPEN_STREAMS)]
        # They begin one after another, as their tokens then come.
        pause = OPEN_TOKEN_MS / 1000 / OPEN_STREAMS
        running = client.Running([stream.read for stream in streams], pause)
        while not all(stream.stamps for stream in streams):
            running.check()
            time.sleep(0.1)
        grown = server.resident_bytes() - before
        all_open = time.monotonic()
        running.join()
        if any(stream.stamps[-1] < all_open for stream in streams):
            raise client.Wrong(f"{OPEN_STREAMS} streams were never open at once")
        sent = [(stamp, clock) for stream in streams for stamp, clock in clocks(stream)]
        return {
            "g/kb": grown / 1024 / OPEN_STREAMS,
            "g/p99": percentile([1000 * (stamp - clock) for stamp, clock in sent if stamp > all_open], 99),
            "g/lost": OPEN_STREAMS * OPEN_TOKENS - len(sent),
        }

    return bench.in_turn([server], measure, lambda made: 0)


def clocks(stream):
    """(when it came, when the engine sent it) of each token; what waited together comes in one event."""
    for stamp, event in zip(stream.stamps, stream.events):
        for choice in json.loads(event[len(b"data: ") :])["choices"]:
            for word in choice["text"].split():
                yield stamp, int(word) / 1e6


ROWS = {
    "a": throughput,
    "b": shared_document,
    "c": first_token,
    "d": gaps,
    "e": cache_cost,
    "f": cancel,
    "g": open_streams,
}
