"""`llm`, the program and its library, as a client: its configuration names the server, then a stream, a chain of tools, a schema."""

import json
import os
import subprocess
import sys
import tempfile

from client_case import COUNT, PERSON, WEATHER, WHO, equal, expect, is_person, run

LLM = os.path.join(os.path.dirname(sys.executable), "llm")
PROGRAM = '''
def get_weather(city: str) -> str:
    "The weather of a city."
    return "18 degrees"
'''


def llm(server, *arguments):
    """What the program prints, as a user of it has set it up."""
    with tempfile.TemporaryDirectory() as home:
        model = {"model_id": "ours", "model_name": server.model, "api_base": server.url + "/v1", "api_key_name": "ours"}
        files = {"extra-openai-models.yaml": [model | {"supports_tools": True, "supports_schema": True}], "keys.json": {"ours": server.key}}
        for name, content in files.items():
            with open(os.path.join(home, name), "w") as file:
                json.dump(content, file)  # JSON is YAML
        environment = dict(os.environ, LLM_USER_PATH=home)
        command = [LLM, "prompt", "-m", "ours", "-o", "temperature", "0", "-o", "max_tokens", "200", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
        expect(done.returncode == 0, done.stderr)
        return done.stdout.strip(), done.stderr


def streams(server):
    text, usage = llm(server, "--usage", COUNT)
    expect(text == "one two three" if server.scripted else text, f"text: {text!r}")
    row = server.bill()[-1]
    expect(f"{int(row['hit']) + int(row['miss'])} input, {row['output']} output" in usage, f"{usage!r}, where the ledger has {row}")


def answers_at_once(server):
    text, _ = llm(server, "--no-stream", COUNT)
    expect(text == "one two three" if server.scripted else text, f"text: {text!r}")


def chains_tools(server):
    """It offers a tool and leaves it to the model, which SmolLM2 does as it likes: then the script alone has the loop."""
    text, calls = llm(server, "--functions", PROGRAM, "--tools-debug", WEATHER)
    if server.scripted:
        equal(text, "It is mild.")
        expect("get_weather" in calls and "18 degrees" in calls, f"{calls!r}")
    else:
        expect(text or calls, "an answer")


def answers_in_structure(server):
    is_person(json.loads(llm(server, "--schema", json.dumps(PERSON), WHO)[0]))


run([streams, answers_at_once, chains_tools, answers_in_structure])
