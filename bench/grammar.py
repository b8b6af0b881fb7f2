#!/usr/bin/env python3
"""What holding an answer to a grammar costs: of decoding, and before the first answer.

    bench/grammar.py [--dsa build/release/dsa] [--model smollm2] [--threads 2] [--runs 9] [--tokens 128]

One server.  Decoding: answers of so many tokens to one prompt, held to a JSON schema and free, in turn, without guesses and with
the prompt in the cache; the figure is the median of the ratios of neighbours.  Compiling: schemas of 10 KB that nobody asked for
before, with answers of one token, beside the same without, in turn; the figure is the difference of the medians, and of the
processor's time, which others on the machine change less.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 4, "maxLength": 30},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "city": {"enum": ["Paris", "Tehran", "Lagos", "Lima", "Osaka"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "minItems": 2, "maxItems": 4},
    },
    "required": ["name", "age", "city", "tags"],
}
PEOPLE = {"type": "array", "items": PERSON, "minItems": 50}


def large_schema(number, size=10_000):
    """An object of many such properties; another one for each number."""
    properties = {}
    while len(json.dumps({"type": "object", "properties": properties})) < size:
        at = len(properties)
        kinds = (PERSON, {"type": "string", "maxLength": 40}, {"type": "array", "items": {"type": "number"}}, {"type": "boolean"})
        properties[f"field_{number}_{at}"] = kinds[at % len(kinds)]
    return {"type": "object", "properties": properties, "required": list(properties)}


class Server:
    def __init__(self, options):
        command = [options.dsa, "serve", options.model, "--port", "0", "--threads", str(options.threads), "--speculation", "off"]
        command += ["--ctx", "2048", "--ledger", "none", "--disk-cache", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"serving at (\S+)", line):
                self.url = found[1]
                return
        sys.exit("grammar: the server did not start")

    def cpu_ms(self):
        """Of the server and of the children that it waited for."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) * 1000 / os.sysconf("SC_CLK_TCK")

    def ask(self, tokens, schema=None):
        body = {
            "messages": [{"role": "user", "content": "Write a list of people, as JSON."}],
            "max_tokens": tokens,
            "temperature": 0,
            "ignore_eos": True,
        }
        if schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(self.url + "/v1/chat/completions", json.dumps(body).encode()) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"grammar: {error.read().decode().strip()}")
        return told["usage"], 1000 * (time.perf_counter() - began)


def decode(server, options):
    held, free, ratios = [], [], []
    for way in (PEOPLE, None):
        server.ask(options.tokens, way)  # the first compiles, and reads the prompt
    for _ in range(options.runs):
        for way, figures in ((PEOPLE, held), (None, free)):
            usage, _ = server.ask(options.tokens, way)
            if usage["completion_tokens"] != options.tokens:
                sys.exit(f"grammar: an answer of {usage['completion_tokens']} tokens, expected {options.tokens}")
            figures.append(usage["dsa"]["tpot_ms"])
        ratios.append(held[-1] / free[-1])
    return statistics.median(held), statistics.median(free), statistics.median(ratios)


def compile_ms(server, options):
    held, free, cpu = [], [], 0
    for number in range(options.runs):
        before = server.cpu_ms()
        held.append(server.ask(1, large_schema(number))[1])
        between = server.cpu_ms()
        free.append(server.ask(1)[1])
        cpu += between - before - (server.cpu_ms() - between)
    return statistics.median(held), statistics.median(free), cpu / options.runs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsa", default=os.path.join(ROOT, "build/release/dsa"))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=128)
    options = parser.parse_args()
    server = Server(options)
    try:
        held, free, ratio = decode(server, options)
        print(f"a token: {held:.2f} ms held to a schema, {free:.2f} ms free: {100 * (ratio - 1):+.1f} % (at most 5)")
        held, free, cpu = compile_ms(server, options)
        size = len(json.dumps(large_schema(0)))
        print(f"a first schema of {size} bytes: {held - free:.0f} ms (at most 300), {cpu:.0f} of the processor")
    finally:
        server.process.terminate()


main()
