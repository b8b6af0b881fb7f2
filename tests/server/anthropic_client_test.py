"""What the `anthropic` package makes of our server: messages whole and streamed, counting, errors by class."""

import json
import re
import subprocess
import sys
import tempfile
import threading

import anthropic

SCRIPT = {
    "context": 2000,
    "queue": 4,
    "answers": [
        {"when": "fails", "text": "so far", "error": "the scripted fault"},
        {"when": "<tool_response>\n18", "text": "It is 18 degrees."},
        {"when": "weather", "text": 'I look.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'},
        {"when": "stop here", "text": "one STOP two"},
        {"text": "Hello!"},
    ],
}


def expect(what, got, expected):
    if got != expected:
        sys.exit(f"FAILED: {what}: {got!r}, expected {expected!r}")


def refused(what, kind, call):
    try:
        call()
    except anthropic.APIStatusError as error:
        expect(what, type(error).__name__, kind)
        return error.body["error"]
    sys.exit(f"FAILED: {what}: no error")


def main():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(SCRIPT, file)
        file.flush()
        process = subprocess.Popen([sys.argv[1], file.name, "0", "1"], stderr=subprocess.PIPE, text=True)
        port = re.search(r":(\d+)$", process.stderr.readline().strip())[1]
        threading.Thread(target=process.stderr.read, daemon=True).start()
        for base in ("", "/anthropic"):
            ask(anthropic.Anthropic(base_url=f"http://127.0.0.1:{port}{base}", api_key="none", max_retries=0))
        process.terminate()
        expect("exit status", process.wait(), 0)
    print("all as expected")


TOOLS = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]


def call_tools(client, request):
    """The loop of an agent: a call, streamed and not, its result, the answer."""
    whole = client.messages.create(**request("weather", tools=TOOLS))
    expect("tools: stop reason", whole.stop_reason, "tool_use")
    expect("tools: blocks", [b.type for b in whole.content], ["text", "tool_use"])
    expect("tools: input", whole.content[1].input, {"city": "Paris"})
    with client.messages.stream(**request("weather", tools=TOOLS)) as stream:
        pieces = [e.partial_json for e in stream if e.type == "input_json"]
        streamed = stream.get_final_message()
    expect("tools: input comes as it is written", len(pieces) > 5, True)
    expect("tools: streamed", [(b.type, getattr(b, "input", None)) for b in streamed.content], [("text", None), ("tool_use", {"city": "Paris"})])
    loop = request("weather", tools=TOOLS)
    loop["messages"] += [
        {"role": "assistant", "content": whole.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": whole.content[1].id, "content": "18"}]},
    ]
    expect("tools: answer", client.messages.create(**loop).content[0].text, "It is 18 degrees.")
    counted = client.messages.count_tokens(**{k: v for k, v in loop.items() if k != "max_tokens"})
    usage = client.messages.create(**loop).usage
    expect("tools: counted tokens", counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens)


def ask(client):
    def request(text, **more):
        return {"model": "claude-any", "max_tokens": 200, "messages": [{"role": "user", "content": text}], **more}

    message = client.messages.create(**request("hi", system="Be brief."))
    expect("text", message.content[0].text, "Hello!")
    expect("stop reason", message.stop_reason, "end_turn")
    expect("model", message.model, "script")

    counted = client.messages.count_tokens(model="claude-any", system="Be brief.", messages=[{"role": "user", "content": "hi"}])
    usage = message.usage
    expect("counted tokens", counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens)

    with client.messages.stream(**request("hi")) as stream:
        expect("streamed text", "".join(stream.text_stream), "Hello!")
        expect("its stop reason", stream.get_final_message().stop_reason, "end_turn")

    call_tools(client, request)
    stopped = client.messages.create(**request("stop here", stop_sequences=["STOP"]))
    expect("stopped text", stopped.content[0].text, "one ")
    expect("stop", (stopped.stop_reason, stopped.stop_sequence), ("stop_sequence", "STOP"))
    expect("cut", client.messages.create(**request("hi") | {"max_tokens": 2}).stop_reason, "max_tokens")

    error = refused("long prompt", "BadRequestError", lambda: client.messages.create(**request("x" * 3000)))
    expect("long prompt", error["message"].startswith("prompt is too long: "), True)
    refused("unknown model", "NotFoundError", lambda: client.messages.create(**request("hi") | {"model": "other"}))
    refused("a tool that cannot be held to", "BadRequestError", lambda: client.messages.create(
        **request("hi", tools=[{"name": "t", "input_schema": {"minProperties": 1}}], tool_choice={"type": "any"})))
    refused("fault", "InternalServerError", lambda: client.messages.create(**request("fails")))
    try:
        with client.messages.stream(**request("fails")) as stream:
            for _ in stream:
                pass
    except anthropic.APIError as error:
        expect("a fault after the first byte", "the scripted fault" in str(error), True)
    else:
        sys.exit("FAILED: a stream that failed ended well")


main()
