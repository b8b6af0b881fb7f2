"""What asks a server: streams over http.client, a thread each.  Chunks are counted and stamped, not parsed: only the last
event, with `usage`, is read as JSON, so that the client leaves the processor to those who are measured."""

import contextlib
import http.client
import json
import socket
import threading
import time

TIMEOUT_SECONDS = 600
ANSWERED = 200


class Wrong(Exception):
    """An answer that is none; one line."""


def get(port, path):
    return _ask(port, "GET", path, None)


def post(port, path, body):
    return json.loads(_ask(port, "POST", path, body))


def _ask(port, method, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
    if answer.status != ANSWERED:
        raise Wrong(f"{method} {path}: status {answer.status}: {text.strip()[:300]}")
    return text


class Stream:
    """One streamed completion.  read() blocks until its end, or until another thread hangs up; times are time.monotonic()."""

    def __init__(self, port, prompt, tokens, keep=False):
        self.begun = 0.0
        self.stamps = []  # of the events with text, the first token's first
        self.events = [] if keep else None  # as they came, one for each stamp
        self.usage = {}
        self.whole = False  # it came to its end
        self._body = {
            "prompt": prompt,  # ids, or a text
            "max_tokens": tokens,
            "temperature": 0,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        self._socket = None
        self._hung_up = False

    def read(self):
        body = json.dumps(self._body)
        self.begun = time.monotonic()
        with contextlib.closing(self._connection):
            try:
                self._connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
                self._socket = self._connection.sock
                answer = self._connection.getresponse()
                if answer.status != ANSWERED:
                    raise Wrong(f"a completion: status {answer.status}: {answer.read().decode().strip()[:300]}")
                self._events(answer)
            except (OSError, http.client.HTTPException) as error:
                if not self._hung_up:
                    raise Wrong(f"a completion broke off: {error!r}") from error
        if not (self.whole or self._hung_up):
            raise Wrong("a completion broke off")
        return self

    def _events(self, answer):
        rest, last = b"", b""
        while piece := answer.read1(1 << 16):
            now = time.monotonic()
            *events, rest = (rest + piece).split(b"\n\n")
            for event in events:
                if event == b"data: [DONE]":
                    self.whole = True
                elif event.startswith(b"data: "):
                    last = event
                    self.stamps.append(now)
                    if self.events is not None:
                        self.events.append(event)
                elif event.startswith(b"error:"):
                    raise Wrong(f"a completion ended with {event.decode()[:300]}")
        if self.whole:
            self.usage = json.loads(last[len(b"data: ") :]).get("usage") or {}

    def hang_up(self):
        self._hung_up = True
        with contextlib.suppress(OSError, AttributeError):  # not connected yet, or no longer
            self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def first_token_ms(self):
        return 1000 * (self.stamps[0] - self.begun)

    @property
    def cached(self):
        """Prompt tokens that were found in a cache, as the server says."""
        return (self.usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)

    @property
    def from_disk(self):
        return self.usage.get("dsa", {}).get("cache", {}).get("disk_tokens", 0)


class Running:
    """Calls that run at once, a thread each, begun `pause` seconds apart.  join() gives back what they gave, or throws what
    the first of them threw."""

    def __init__(self, calls, pause=0.0):
        self._results = [None] * len(calls)
        self._wrong = []
        self._threads = [threading.Thread(target=self._call, args=pair, daemon=True) for pair in enumerate(calls)]
        for thread in self._threads:
            thread.start()
            time.sleep(pause)

    def _call(self, index, call):
        try:
            self._results[index] = call()
        except Exception as error:  # it is thrown again where somebody waits
            self._wrong.append(error)

    def check(self):
        if self._wrong:
            raise self._wrong[0]

    def join(self):
        for thread in self._threads:
            thread.join()
        self.check()
        return self._results
