"""What the `openai` package makes of our server: every call, errors by class, clients that vanish, the end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import openai

CALLS = """I look.
<tool_call>
{"name": "get_weather", "arguments": {"city": "Paris"}}
</tool_call>
<tool_call>
{"name": "get_weather", "arguments": {"city": "Rome"}}
</tool_call>"""
TOOLS = [{"type": "function", "function": {"name": "get_weather", "strict": True, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]

SCRIPT = {
    "context": 2000,
    "queue": 8,
    "answers": [
        {"when": "slow", "text": "word ", "repeat": 400, "token_ms": 20},
        {"when": "long read", "read_ms": 60000, "text": "late"},
        {"when": "fails", "text": "so far", "error": "the scripted fault"},
        {"when": "<tool_response>\n18", "text": "It is 18 degrees."},
        {"when": "weather", "text": CALLS},
        {"when": "count", "text": "one two three"},
        {"when": "unicode", "text": "Grüße, 世界 🌍"},
        {"text": "Hello!"},
    ],
}


class Server:
    """serve_script on a free port."""

    def __init__(self, program, script=SCRIPT, drain=5):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(script, self.file)
        self.file.flush()
        self.process = subprocess.Popen([program, self.file.name, "0", str(drain)], stderr=subprocess.PIPE, text=True)
        self.port = int(re.search(r":(\d+)$", self.process.stderr.readline().strip())[1])
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def client(self, **more):
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key="none", max_retries=0, **more)

    def metric(self, name):
        page = self.raw("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return float(re.search(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)", page, re.M)[1])

    def raw(self, text):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(text.encode())
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def idle(self):
        running = lambda: self.metric("dsa_num_requests_running") + self.metric("dsa_num_requests_waiting")
        return eventually(lambda: running() == 0)

    def stop(self, signals=1):
        for _ in range(signals):
            self.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        return self.process.wait(timeout=20)


def eventually(what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def expect(truth, what):
    if not truth:
        raise AssertionError(what)


def equal(got, expected):
    expect(got == expected, f"got {got!r}, expected {expected!r}")


def raises(kind, what):
    try:
        what()
    except kind as error:
        return error
    raise AssertionError(f"nothing raised, expected {kind.__name__}")


def user(text):
    return [{"role": "user", "content": text}]


def chat_is_answered(server):
    got = server.client().chat.completions.create(model="script", messages=user("hi"), max_completion_tokens=3, seed=1)
    equal(got.choices[0].message.content, "Hel")
    equal(got.choices[0].finish_reason, "length")
    equal(got.usage.completion_tokens, 3)
    equal(got.usage.prompt_tokens_details.cached_tokens, 0)
    equal(got.usage.model_extra["dsa"]["attention"], "dense")
    parts = [{"type": "text", "text": "co"}, {"type": "text", "text": "unt"}]
    got = server.client().chat.completions.create(
        model="script", messages=[{"role": "developer", "content": "s"}, {"role": "user", "content": parts}], stop=[" three"], n=2
    )
    equal([c.message.content for c in got.choices], ["one two", "one two"])


def chat_is_streamed(server):
    stream = server.client().chat.completions.create(
        model="script", messages=user("unicode"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    equal("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), "Grüße, 世界 🌍")
    unasked = list(server.client().chat.completions.create(model="script", messages=user("unicode"), stream=True))
    equal([c.usage is not None for c in unasked], [False] * (len(unasked) - 1) + [True])
    equal(unasked[-1].choices[0].finish_reason, "stop")
    equal(chunks[-1].choices, [])
    expect(chunks[-1].usage.completion_tokens > 0, "the last chunk has the usage")
    equal([c.choices[0].finish_reason for c in chunks if c.choices][-1], "stop")


def log_probabilities(server):
    got = server.client().chat.completions.create(model="script", messages=user("hi"), logprobs=True, top_logprobs=2)
    tokens = got.choices[0].logprobs.content
    equal("".join(t.token for t in tokens), "Hello!")
    equal(len(tokens[0].top_logprobs), 2)


def tools_are_called(server):
    """The loop of an agent: calls, streamed and not, their results, the answer."""
    ask = lambda messages, **more: server.client().chat.completions.create(model="script", messages=messages, tools=TOOLS, **more)
    whole = ask(user("weather")).choices[0]
    equal(whole.finish_reason, "tool_calls")
    equal(whole.message.content, "I look.")
    equal([json.loads(c.function.arguments) for c in whole.message.tool_calls], [{"city": "Paris"}, {"city": "Rome"}])

    with server.client().chat.completions.stream(model="script", messages=user("weather"), tools=TOOLS) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_completion().choices[0]
    expect(kinds.count("tool_calls.function.arguments.delta") > 10, "arguments come as they are written")
    equal(kinds.count("tool_calls.function.arguments.done"), 2)
    equal(streamed.finish_reason, "tool_calls")
    equal([c.function.arguments for c in streamed.message.tool_calls], [c.function.arguments for c in whole.message.tool_calls])

    results = [{"role": "tool", "tool_call_id": c.id, "content": "18"} for c in whole.message.tool_calls]
    equal(ask(user("weather") + [whole.message] + results).choices[0].message.content, "It is 18 degrees.")
    equal(ask(user("weather"), tool_choice="none").choices[0].message.content, CALLS)
    equal(len(ask(user("weather"), parallel_tool_calls=False).choices[0].message.tool_calls), 1)
    cut = ask(user("weather"), max_tokens=60).choices[0]
    equal((cut.finish_reason, cut.message.tool_calls), ("length", None))


def responses_are_items(server):
    client = server.client()
    equal(client.responses.create(model="script", input="hi").output_text, "Hello!")
    tools = [{"type": "function", "name": "get_weather", "strict": False, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]
    with client.responses.stream(model="script", input="weather", tools=tools) as stream:
        kinds = [event.type for event in stream]
        got = stream.get_final_response()
    equal((kinds[0], kinds[-1]), ("response.created", "response.completed"))
    expect(kinds.count("response.function_call_arguments.delta") > 10, "arguments come as they are written")
    calls = [item for item in got.output if item.type == "function_call"]
    equal([json.loads(call.arguments) for call in calls], [{"city": "Paris"}, {"city": "Rome"}])
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "18"} for call in calls]
    sent = [item.model_dump(exclude={"parsed_arguments"}) for item in got.output]
    again = client.responses.create(model="script", input=user("weather") + sent + results, tools=tools)
    equal(again.output_text, "It is 18 degrees.")
    equal(client.responses.create(model="script", input="hi", max_output_tokens=3).incomplete_details.reason, "max_output_tokens")
    raises(openai.BadRequestError, lambda: client.responses.create(model="script", input="hi", previous_response_id="resp_1"))

    again = client.responses.create(model="script", input=results, previous_response_id=got.id, tools=tools)
    equal((again.output_text, again.previous_response_id), ("It is 18 degrees.", got.id))
    equal([item.type for item in client.responses.retrieve(got.id).output], [item.type for item in got.output])
    client.responses.delete(got.id)
    raises(openai.NotFoundError, lambda: client.responses.retrieve(got.id))
    unkept = client.responses.create(model="script", input="hi", store=False)
    raises(openai.NotFoundError, lambda: client.responses.retrieve(unkept.id))


def texts_are_continued(server):
    client = server.client()
    equal(client.completions.create(model="script", prompt="a").choices[0].text, "Hello!")
    equal([c.text for c in client.completions.create(model="script", prompt=["a", "count"], max_tokens=3).choices], ["Hel", "one"])
    echo = client.completions.create(model="script", prompt=[97, 98], echo=True, logprobs=1, max_tokens=1).choices[0]
    equal(echo.text, "abH")
    equal(echo.logprobs.token_logprobs, [None, -0.5, -0.5])
    equal("".join(c.choices[0].text for c in client.completions.create(model="script", prompt="a", stream=True)), "Hello!")


def models_are_listed(server):
    client = server.client()
    equal([m.id for m in client.models.list()], ["script"])
    equal(client.models.retrieve("script").model_extra["context_window"], 2000)
    raises(openai.NotFoundError, lambda: client.models.retrieve("gpt-4"))


def errors_have_their_class(server):
    client = server.client()
    ask = lambda **more: client.chat.completions.create(**({"model": "script", "messages": user("hi")} | more))
    equal(raises(openai.BadRequestError, lambda: ask(temperature=1000)).param, "temperature")
    equal(raises(openai.NotFoundError, lambda: ask(model="gpt-4")).code, "model_not_found")
    long = raises(openai.BadRequestError, lambda: ask(messages=user("x" * 3000)))
    equal(long.code, "context_length_exceeded")
    equal(long.body["n_ctx"], 2000)
    expect("maximum context length is 2000 tokens" in str(long), "OpenAI's phrase, which clients look for")
    raises(openai.BadRequestError, lambda: ask(tool_choice="required"))
    raises(openai.BadRequestError, lambda: ask(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"minProperties": 1}}}))
    raises(openai.NotFoundError, lambda: client.embeddings.create(model="script", input="x"))
    raises(openai.InternalServerError, lambda: ask(messages=user("fails")))
    raises(openai.APIError, lambda: list(ask(messages=user("fails"), stream=True)))
    expect(ask().id.startswith("chatcmpl-"), "the server goes on")


def a_full_queue_is_retried(server):
    streams = [server.client().chat.completions.create(model="script", messages=user("slow"), stream=True) for _ in range(8)]
    error = raises(openai.InternalServerError, lambda: server.client().chat.completions.create(model="script", messages=user("hi")))
    equal(error.status_code, 503)
    equal(error.response.headers["retry-after"], "1")
    threading.Timer(0.3, lambda: [s.close() for s in streams]).start()
    patient = server.client().with_options(max_retries=4)
    equal(patient.chat.completions.create(model="script", messages=user("hi")).choices[0].message.content, "Hello!")
    expect(server.idle(), "the closed streams are cancelled")


def clients_that_vanish_cancel(server):
    """Killed while the prompt is read, in the answer, streamed and not: nothing goes on, nothing is left open."""
    files = lambda: len(os.listdir(f"/proc/{server.process.pid}/fd"))
    expect(server.idle(), "idle before")
    before = files()
    body = lambda text, stream: json.dumps({"messages": user(text), "stream": stream})
    for text in ("long read", "slow"):
        for stream in (True, False):
            gone = server.metric("dsa_clients_gone_total")
            data = body(text, stream)
            s = socket.create_connection(("127.0.0.1", server.port))
            s.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {len(data)}\r\n\r\n{data}".replace("Host: a", "Host: localhost").encode())
            expect(eventually(lambda: server.metric("dsa_num_requests_running") == 1), "it runs")
            s.close()
            expect(server.idle(), f"{text}, stream {stream}: cancelled")
            equal(server.metric("dsa_clients_gone_total"), gone + 1)
    expect(eventually(lambda: files() <= before + 1), "every descriptor is closed")


def silence_is_kept_alive(server):
    data = json.dumps({"messages": user("long read"), "stream": True})
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        s.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n{data}".encode())
        got = b""
        while got.count(b": keep-alive\n\n") < 2:
            got += s.recv(4096)
    expect(server.idle(), "gone")


def sigterm_lets_answers_finish(program):
    server = Server(program)
    client = server.client()
    stream = client.chat.completions.create(model="script", messages=user("slow"), max_tokens=60, stream=True)
    next(stream)
    server.process.send_signal(signal.SIGTERM)
    expect(eventually(lambda: "503" in server.raw("GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), "ready is 503")
    equal(raises(openai.InternalServerError, lambda: client.chat.completions.create(model="script", messages=user("hi"))).code, "server_draining")
    equal([c.choices[0].finish_reason for c in stream][-1], "length")
    equal(server.process.wait(timeout=20), 0)


def the_drains_deadline_ends_them_with_an_error(program):
    server = Server(program, drain=0)
    stream = server.client().chat.completions.create(model="script", messages=user("slow"), stream=True)
    next(stream)
    server.process.send_signal(signal.SIGTERM)
    raises(openai.APIError, lambda: list(stream))
    equal(server.process.wait(timeout=20), 0)


def an_engine_that_hangs_keeps_nobody(program):
    server = Server(program, SCRIPT | {"hangs": True}, drain=600)
    stream = server.client().chat.completions.create(model="script", messages=user("hi"), stream=True)
    next(stream)
    errors = []

    def read():
        try:
            list(stream)
        except openai.APIError as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    equal(server.stop(signals=2), 130)
    reader.join(10)
    equal(len(errors), 1)


def main(program):
    server = Server(program)
    failed = 0
    with_server = [
        chat_is_answered,
        chat_is_streamed,
        tools_are_called,
        responses_are_items,
        log_probabilities,
        texts_are_continued,
        models_are_listed,
        errors_have_their_class,
        a_full_queue_is_retried,
        clients_that_vanish_cancel,
        silence_is_kept_alive,
    ]
    alone = [sigterm_lets_answers_finish, the_drains_deadline_ends_them_with_an_error, an_engine_that_hangs_keeps_nobody]
    for test in with_server + alone:
        try:
            test(server if test in with_server else program)
            print(f"ok: {test.__name__}")
        except Exception as error:  # one test's fault is not the next one's
            failed += 1
            print(f"FAILED: {test.__name__}: {type(error).__name__}: {error}")
    equal(server.stop(), 0)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
