"""The processes that are measured: each stays loaded, sleeps until it is asked, and answers a line with a line."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

from .environment import Failed


class Died(Failed):
    """An engine's process is over; `how` is a signal or a status."""

    def __init__(self, name, status):
        self.how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        super().__init__(f"{name}: {self.how}: its own words, if it had any, stand above")


class Engine:
    """One loaded model behind the line protocol of src/bench/step.h."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, **(environment or {})),
        )
        self.loaded = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self._hang_up()
            raise Died(self.name, status)
        return json.loads(line)

    def ask(self, *words):
        try:
            print(*words, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # the answer, or its absence, says why
        return self._answer()

    def _hang_up(self):
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._hang_up()


def start_dsa(program, model, attention, isa, options):
    """options: threads, context, indexer (a folder, or a shape for an untrained one), topk."""
    command = [program, "bench", model, "--step", "--attention", attention]
    command += ["--threads", options.threads, "--ctx", options.context, "--depths", "0"]
    if attention == "sparse":
        command += ["--indexer", options.indexer] if options.indexer else ["--random-indexer", options.random_indexer]
        command += ["--top-k", options.topk]
    return Engine(f"dsa, {attention}", command, {"DSA_KERNELS": "avx2"} if isa == "avx2" else None)


def start_llamacpp(python, model, states, options):
    driver = pathlib.Path(__file__).with_name("driver.py")
    command = [python, driver, "serve", model, "--threads", options.threads, "--context", options.context]
    return Engine(f"llama.cpp, {model.name}", command + ["--states", states])
