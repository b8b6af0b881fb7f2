"""What the tests of other people's clients share: the same three talks with a script and with SmolLM2, and the bill.

A test is `NAME_client_test.py SERVE_SCRIPT DSA`; it makes its talks with each of servers(), and ends with the bill.
"""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

SERVE_SCRIPT, DSA = sys.argv[1:3]

TOOL = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]},
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
ANNOUNCED, DEAR = (0.028, 0.28, 0.42), (2.8, 28, 42)  # docs/serving.md, "Prices"
COUNT, WEATHER, WHO = "Please count.", "How is the weather in Paris?", "Who is it?"
SCRIPT = {
    "context": 8000,
    "answers": [
        {"when": "18 degrees", "text": "It is mild."},
        {"when": "weather", "text": CALL},
        {"when": "count", "text": "one two three"},
        {"when": "Who is it? Call", "text": '<tool_call>\n{"name": "person", "arguments": {"name": "Ada", "age": 36}}\n</tool_call>'},
        {"when": "Who is it", "text": '{"name": "Ada", "age": 36}'},
        {"text": "Hello!"},
    ],
}


class Server:
    """At `url`, with a key, a ledger, and a model whose answers are `scripted` or a small model's own.

    `prices`: dollars for a million tokens found in the cache, computed and written.
    """

    def __init__(self, command, folder, model, scripted, prices):
        self.model, self.scripted, self.prices = model, scripted, prices
        self.ledger = os.path.join(folder, "accounts.db")
        self.key = self.dsa("keys", "create").strip()
        self.process = subprocess.Popen([*command, self.ledger], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "serving at" in line:
                self.url = line.split("serving at ")[1].strip()
                return
        sys.exit("FAILED: the server did not start")

    def dsa(self, *arguments):
        return subprocess.run([DSA, *arguments, "--ledger", self.ledger], check=True, capture_output=True, text=True).stdout

    def bill(self):
        """A row of the ledger for each request so far, the last one last; `cost` in millionths of a dollar."""
        rows = [row for row in csv.DictReader(io.StringIO(self.dsa("usage", "--requests"))) if row["model"]]
        return [row | {"cost": round(float(row["cost"]) * 1e6)} for row in rows]

    def end(self):
        self.process.terminate()
        status = self.process.wait(timeout=30)
        self.process.stderr.close()
        expect(status == 0, f"the server ends with {status}")


def write_script(folder, script):
    path = os.path.join(folder, "script.json")
    with open(path, "w") as file:
        json.dump(script, file)
    return path


@contextlib.contextmanager
def servers(script=SCRIPT):
    """The scripted server and SmolLM2's, which answers for as long as it is told."""
    with tempfile.TemporaryDirectory() as folder:
        play, config = write_script(folder, script), os.path.join(folder, "serve.toml")
        # A token more or less of any kind shows in millionths of a dollar.
        hit, miss, output = DEAR
        with open(config, "w") as file:
            file.write(f'[prices."*"]\nhit = {hit}\nmiss = {miss}\noutput = {output}\n')
        options = ["--port", "0", "--ctx", "2048", "--disk-cache", "0", "--config", config, "--ledger"]
        homes = [os.path.join(folder, name) for name in ("scripted", "real")]
        for home in homes:
            os.mkdir(home)
        made = [
            Server([SERVE_SCRIPT, play, "0", "5"], homes[0], "script", True, ANNOUNCED),
            Server([DSA, "serve", "smollm2", *options], homes[1], "smollm2", False, DEAR),
        ]
        yield made
        for server in made:
            server.end()


def expect(truth, what):
    if not truth:
        raise AssertionError(what)


def equal(got, expected):
    expect(got == expected, f"got {got!r}, expected {expected!r}")


def is_person(value):
    """As PERSON asks, and as the script says."""
    equal(sorted(value), ["age", "name"])
    expect(isinstance(value["name"], str) and len(value["name"]) <= 20, f"a name: {value!r}")
    expect(isinstance(value["age"], int) and 0 <= value["age"] <= 150, f"an age: {value!r}")


def run(cases, script=SCRIPT):
    """Each case with each server; one that fails does not keep the next from running."""
    failed = 0
    with servers(script) as both:
        for server in both:
            for case in cases:
                try:
                    case(server)
                    print(f"ok: {case.__name__}, {server.model}")
                except Exception as error:
                    failed += 1
                    print(f"FAILED: {case.__name__}, {server.model}: {type(error).__name__}: {error}")
    sys.exit(1 if failed else 0)
