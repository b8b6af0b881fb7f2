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
    """Seconds of each engine's repetitions, and what their work costs at least where the engine says it."""
    seconds, cost, cell = {name: [] for name in engines}, {}, words[0]
    done = 0
    while done < reps or (done < MOST_REPETITIONS and max(map(sum, seconds.values())) < SHORT_CELL_SECONDS):
        for name, engine in engines.items():
            time.sleep(SETTLE_SECONDS)
            answer = engine.ask(*words)
            seconds[name].append(answer["seconds"])
            if "cost" in answer:
                cost[name] = answer["cost"]
        done += 1
        if reps == 1:
            break
    cell = {"phase": words[0], "depth": words[1], "tokens": words[2], "seconds": seconds, "cost": cost}
    speeds = ", ".join(f"{name} {words[2] * len(s) / sum(s):.1f}" for name, s in seconds.items())
    say(f"{words[0]} {words[2]} at {words[1]}, {done} times, tok/s: {speeds}")
    return cell


def measure(engines, depths, reps, prompt, prompt_reps):
    """All cells; `engines` by name, ours first."""
    cells = []

    def add(phase, cell):
        cells.append(dict(cell, phase=phase))

    add("first", alternate(engines, ("prefill", 0, FIRST_PROMPT), reps))
    if prompt:
        add("prompt", alternate(engines, ("prefill", 0, prompt), prompt_reps))
    for depth in sorted(depths):
        for name, engine in engines.items():
            start = time.monotonic()
            engine.ask("fill", depth)
            say(f"{name}: {depth} tokens in the cache after {time.monotonic() - start:.0f} s")
        add("decode", alternate(engines, ("decode", depth, DECODED), reps))
        add("prefill", alternate(engines, ("prefill", depth, PREFILLED), reps))
    return cells
