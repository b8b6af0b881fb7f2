"""The two servers as processes: started for a row, asked in turn, restarted where that is what is measured."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from llamacpp.environment import Failed, dsa_home

from . import client

OURS = "dsa"
START_SECONDS = 60
STOP_SECONDS = 40


class Server:
    """`who`: OURS, or the type of the peer's file.  Its own words are in `log`."""

    def __init__(self, who, command, port, environment, log):
        self.who, self.command, self.port, self.log = who, [str(word) for word in command], port, log
        self.environment = dict(os.environ, **environment)
        self.process = None

    def start(self):
        with open(self.log, "a") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=subprocess.STDOUT, env=self.environment)
        limit = time.monotonic() + START_SECONDS
        while not self._healthy():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise Failed(f"{self.who} does not serve: {self._how()}: {self.last_words()}")
            time.sleep(0.02)
        # Weights are read when they are first used.
        client.Stream(self.port, list(range(100, 108)), 2).read()
        return self

    def _healthy(self):
        with contextlib.suppress(OSError, client.Wrong):
            return bool(client.get(self.port, "/health"))
        return False

    def _how(self):
        status = self.process.poll()
        if status is None:
            return f"not ready after {START_SECONDS} s"
        return f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def last_words(self):
        return " / ".join(pathlib.Path(self.log).read_text(errors="replace").strip().splitlines()[-3:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def resident_bytes(self):
        return 1024 * int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1])

    def metrics(self):
        """Of ours: name -> the sum over its labels."""
        found = {}
        for name, value in re.findall(r"^dsa_(\w+)(?:\{.*\})? (\S+)$", client.get(self.port, "/metrics"), re.M):
            found[name] = found.get(name, 0) + float(value)
        return found


class Stage:
    """Starts servers and stops them all at its end; each of ours has a $DSA_HOME of its own, on the disk of the real one."""

    def __init__(self, dsa, llama_server, serve_script, model, files, threads):
        self.dsa, self.llama_server, self.serve_script = dsa, llama_server, serve_script
        self.model, self.files, self.threads = model, files, threads
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="compare-server-", dir=dsa_home()))
        self._started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def clear(self):
        while self._started:
            self._started.pop().stop()

    def ours(self, *options, who=OURS):
        home, port = self._new("home"), _free_port()
        home.mkdir()
        command = [self.dsa, "serve", self.model, "--threads", self.threads, "--port", port, *options]
        return self._start(Server(who, command, port, {"DSA_HOME": str(home)}, home / "log"))

    def peer(self, kind, slots, slot_tokens):
        """One of the peer's files; each of its slots holds a whole request."""
        port, command = _free_port(), [self.llama_server, "--model", self.files[kind], "--port"]
        command += [port, "--threads", self.threads, "--parallel", slots, "--ctx-size", slots * slot_tokens]
        command += ["--flash-attn", "on", "--cont-batching", "--no-webui", "--offline"]
        return self._start(Server(kind, command, port, {}, self._new("log")))

    def scripted(self, script):
        """Our server over an engine that plays a script (src/testing/script_engine.h)."""
        if not os.access(self.serve_script, os.X_OK):
            raise Failed(f"{self.serve_script} is no program: cmake --preset test && ninja -C build/test serve_script")
        file, port = self._new("script"), _free_port()
        file.write_text(json.dumps(script))
        return self._start(Server(OURS, [self.serve_script, file, port], port, {}, self._new("log")))

    def _new(self, what):
        return self._folder / f"{what}{len(self._started)}-{time.monotonic_ns()}"

    def _start(self, server):
        self._started.append(server)
        return server.start()


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
