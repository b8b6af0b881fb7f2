"""What is measured, in which order: every repetition of a cell asks all engines in turn, A B A B."""

import sys
import time

DECODED = 32  # tokens of one measurement
PREFILLED = 512
FIRST_PROMPT = 30
SETTLE_SECONDS = 0.1  # a team of threads that has just ended its work may look for more for some milliseconds
SHORT_CELL_SECONDS = 3.0  # cells that take less, all repetitions together, are repeated more often
MOST_REPETITIONS = 25


def say(text):
    print(text, file=sys.stderr, flush=True)


def alternate(engines, words, reps):
    """One cell: seconds of each engine's repetitions, and what the work costs at least where the engine says it."""
    phase, depth, tokens = words
    seconds, cost, done = {name: [] for name in engines}, {}, 0
    while done < reps or (done < MOST_REPETITIONS and max(map(sum, seconds.values())) < SHORT_CELL_SECONDS):
        for name, engine in engines.items():
            time.sleep(SETTLE_SECONDS)
            answer = engine.ask(*words)
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


def measure(engines, depths, reps, prompt, prompt_reps):
    """All cells, and the machine's ceilings measured between them; `engines` by name, "sparse" among them."""
    cells, machines = [], []

    def add(phase, *cell):
        cells.append(dict(alternate(engines, *cell), phase=phase))

    def look_at_machine():
        time.sleep(SETTLE_SECONDS)
        machines.append(engines["sparse"].ask("machine"))

    look_at_machine()
    add("first", ("prefill", 0, FIRST_PROMPT), reps)
    if prompt:
        add("prompt", ("prefill", 0, prompt), prompt_reps)
    for depth in sorted(depths):
        for name, engine in engines.items():
            start = time.monotonic()
            engine.ask("fill", depth)
            say(f"{name}: {depth} tokens in the cache after {time.monotonic() - start:.0f} s")
        add("decode", ("decode", depth, DECODED), reps)
        add("prefill", ("prefill", depth, PREFILLED), reps)
        look_at_machine()
    return cells, best(machines)
