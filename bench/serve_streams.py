#!/usr/bin/env python3
"""Many open streams over an engine that plays a script: what the server itself adds to a token, and holds for a stream.

    cmake --preset test && cmake --build --preset test --target serve_script
    bench/serve_streams.py [STREAMS] [TOKENS] [TOKEN_MS]

Each token's text is the time at which the engine gave it away; the client compares it with its own clock, so its own
work counts too.  Memory is the server's resident set, before and while all streams are open.
"""

import json
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.join(os.path.dirname(__file__), "../build/test/tests/server/serve_script")
CONTENT = re.compile(rb'"content":"(\d+) "')


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024


def ask(port):
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    s.setblocking(False)
    return s


def main(streams=1000, tokens=40, token_ms=500):
    script = {"queue": 1_000_000, "answers": [{"text": "x", "repeat": tokens, "token_ms": token_ms, "clock": True}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(script, file)
        file.flush()
        server = subprocess.Popen([PROGRAM, file.name, "0"], stderr=subprocess.PIPE, text=True)
        port = int(re.search(r":(\d+)$", server.stderr.readline().strip())[1])
    before = resident(server.pid)
    ready = selectors.DefaultSelector()
    for _ in range(streams):
        ready.register(ask(port), selectors.EVENT_READ, [b""])
        time.sleep(token_ms / 1000 / streams)  # one after the other, not all tokens at once
    all_open = time.monotonic() * 1e6  # before, nobody read
    delays, tokens_read, most, open_streams, looked = [], 0, 0, streams, time.monotonic()
    while open_streams:
        for key, _ in ready.select(1):
            data = key.fileobj.recv(65536)
            now = time.monotonic() * 1e6
            text = key.data[0] + data
            cut = text.rfind(b"\n\n") + 1  # an event may come in pieces
            key.data[0] = text[cut:]
            times = [int(sent) for sent in CONTENT.findall(text[:cut])]
            tokens_read += len(times)
            delays += [now - sent for sent in times if sent > all_open]
            if not data or data.endswith(b"0\r\n\r\n"):
                ready.unregister(key.fileobj)
                key.fileobj.close()
                open_streams -= 1
        if time.monotonic() - looked > 0.5:
            looked, most = time.monotonic(), max(most, resident(server.pid))
    server.terminate()
    delays.sort()
    share = lambda p: delays[min(len(delays) - 1, int(len(delays) * p))] / 1000
    print(f"{streams} streams, {tokens} tokens each, one every {token_ms} ms")
    print(f"tokens: {tokens_read} of {streams * tokens}")
    print(f"from the engine to the client: median {share(0.5):.2f} ms, p99 {share(0.99):.2f} ms, most {delays[-1] / 1000:.2f} ms")
    print(f"memory: {(most - before) / streams / 1024:.1f} KB a stream")
    return 0 if tokens_read == streams * tokens else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
