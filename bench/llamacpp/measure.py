"""What is measured, in which order: every repetition of a cell asks all engines in turn, A B A B."""

import sys
import time

from . import bars
from .engines import Died

DECODED = 32  # tokens of one measurement
PREFILLED = 512
FIRST_PROMPT = 30
SETTLE_SECONDS = 0.1  # a team of threads that has just ended its work may look for more for some milliseconds
SHORT_CELL_SECONDS = 3.0  # cells that take less, all repetitions together, are repeated more often
MOST_REPETITIONS = 25


def say(text):
    print(text, file=sys.stderr, flush=True)


def asked(engines, lost, name, *words):
    """The engine's answer.  A peer that dies is out of `engines` and in `lost`, with how it died; the answer is None then."""
    try:
        return engines[name].ask(*words)
    except Died as died:
        if name in bars.OURS:
            raise
        lost[name] = f"{died.how}, asked for {' '.join(map(str, words))}"
        say(f"{name}: {lost[name]}")
        del engines[name]
        return None


def alternate(engines, lost, words, reps):
    """One cell: seconds of each engine's repetitions, and what the work costs at least where the engine says it."""
    phase, depth, tokens = words
    seconds, cost, done = {name: [] for name in engines}, {}, 0
    while done < reps or (done < MOST_REPETITIONS and max(map(sum, seconds.values())) < SHORT_CELL_SECONDS):
        for name in list(engines):
            time.sleep(SETTLE_SECONDS)
            answer = asked(engines, lost, name, *words)
            if answer is None:
                del seconds[name]
                continue
            seconds[name].append(answer["seconds"])
            if "cost" in answer:
                cost[name] = answer["cost"]
        done += 1
    speeds = ", ".join(f"{name} {tokens * done / sum(s):.1f}" for name, s in seconds.items())
    say(f"{phase} of {tokens} at {depth}, {done} times; tok/s: {speeds}")
    return {"phase": phase, "depth": depth, "tokens": tokens, "seconds": seconds, "cost": cost}


def best(machines):
    """The ceilings of several measurements: of each figure the highest, because what disturbs one only lowers it."""
    return {key: max(m[key] for m in machines) if isinstance(value, float) else value for key, value in machines[0].items()}


def measure(engines, lost, depths, reps, prompt, prompt_reps):
    """All cells, and the machine's ceilings measured between them; `engines` by name, "sparse" among them.  What dies on the
    way leaves `engines` for `lost`."""
    cells, machines = [], []

    def add(phase, *cell):
        cells.append(dict(alternate(engines, lost, *cell), phase=phase))

    def look_at_machine():
        time.sleep(SETTLE_SECONDS)
        machines.append(engines["sparse"].ask("machine"))

    look_at_machine()
    add("first", ("prefill", 0, FIRST_PROMPT), reps)
    if prompt:
        add("prompt", ("prefill", 0, prompt), prompt_reps)
    for depth in sorted(depths):
        for name in list(engines):
            start = time.monotonic()
            if asked(engines, lost, name, "fill", depth):
                say(f"{name}: {depth} tokens in the cache after {time.monotonic() - start:.0f} s")
        add("decode", ("decode", depth, DECODED), reps)
        add("prefill", ("prefill", depth, PREFILLED), reps)
        look_at_machine()
    return cells, best(machines)
