"""What is asked of the server, and whether a run gives it.  Pure: cells in, lines of a table out."""

import statistics

from llamacpp.table import number

from .servers import OURS


class Line:
    """Of the table: the peer's figure and the ratio are "" where nothing of it is to be compared."""

    def __init__(self, what, ours, peer="", ratio="", bar="", met=None):
        self.what, self.ours, self.peer, self.ratio, self.bar, self.met = what, ours, peer, ratio, bar, met


def peer(cell, more_is_better):
    """The peer's file that does best in this cell; None if none was measured."""
    best = max if more_is_better else min
    return best((who for who in cell if who != OURS), key=lambda who: statistics.median(cell[who]), default=None)


def middle(cell, who=OURS):
    return statistics.median(cell[who])


def spread(values):
    low, high = min(values), max(values)
    return number(values[0]) if len(values) == 1 else f"{number(statistics.median(values))} [{number(low)} – {number(high)}]"


def _told(cell, who):
    return f"{spread(cell[who])} ({who})" if who else "died"


def _speed(cells, name, what, bar):
    cell = cells.get(name)
    if not cell:
        return
    other = peer(cell, more_is_better=True)
    ratio = middle(cell) / middle(cell, other) if other else None
    yield Line(
        what,
        f"{spread(cell[OURS])} tok/s",
        _told(cell, other),
        f"{ratio:.2f}×" if other else "",
        f"≥ {bar:g}× the peer",
        ratio >= bar if other else None,
    )


def _first_token(cells, name, what, beside=None, bar=None):
    """`beside`: the peer's cell of the same question; `bar`: how many times sooner than ours cold."""
    if name not in cells:
        return
    other = peer(cells.get(beside, {}), more_is_better=False)
    times = middle(cells["c/cold"]) / middle(cells[name])
    yield Line(
        what,
        f"{spread(cells[name][OURS])} ms",
        _told(cells[beside], other) if other else "",
        f"{middle(cells[beside], other) / middle(cells[name]):.2f}×" if other else "",
        f"≤ 1/{bar} of cold: 1/{times:.0f}" if bar else "",
        times >= bar if bar else None,
    )


def _gap(cells):
    if "d/times" not in cells:
        return
    for name, what in (
        ("d/undisturbed", "4 streams, undisturbed: median gap"),
        ("d/undisturbed p99", "…, and p99: what the machine does by itself"),
        ("d/p99", "an 8K prompt arrives: p99 of their gaps"),
    ):
        other = peer(cells[name], more_is_better=False)
        yield Line(what, f"{spread(cells[name][OURS])} ms", _told(cells[name], other))
    other = peer(cells["d/times"], more_is_better=False)
    times = middle(cells["d/times"])
    yield Line("that p99, in undisturbed medians", spread(cells["d/times"][OURS]), _told(cells["d/times"], other), "", "≤ 2", times <= 2)
    other = peer(cells["d/first"], more_is_better=False)
    yield Line("and the 8K prompt's first token", f"{spread(cells['d/first'][OURS])} ms", _told(cells["d/first"], other))


def _cancel(cells, phase):
    if f"f/{phase}" not in cells:
        return
    # The pass under way when the client leaves cannot be broken off.
    passes = max(cells[f"f/{phase} passes"][OURS])
    figure = f"{spread(cells[f'f/{phase}'][OURS])} ms, {passes:.0f} passes at most"
    yield Line(f"a client leaves while {phase}: pages free", figure, "", "", "≤ 1 pass, and the one under way", passes <= 2)


def _open_streams(cells):
    if "g/p99" not in cells:
        return
    memory, late, lost = (cells[f"g/{name}"][OURS] for name in ("kb", "p99", "lost"))
    yield Line("1,000 open streams, scripted engine: memory of each", f"{spread(memory)} KB", bar="≤ 64 KB", met=max(memory) <= 64)
    yield Line("…, p99 of what is added to a token's way", f"{spread(late)} ms", bar="≤ 5 ms", met=middle(cells["g/p99"]) <= 5)
    yield Line("…, tokens lost", f"{max(lost)}", bar="none", met=not any(lost))


def lines(cells):
    """Those that the run has figures for."""
    made = []
    for clients, bar in ((1, 2), (4, 3), (8, 3), (16, 3)):
        made += _speed(cells, f"a/{clients}", f"512-token prompts, all different, 128 out, {clients} client{'s' * (clients > 1)}", bar)
    if "a/8" in cells:
        gain = middle(cells["a/8"]) / middle(cells["a/1"])
        made.append(Line("8 clients against 1, ours", f"{gain:.2f}×", "", "", "≥ 2.5×", gain >= 2.5))
    made += _speed(cells, "b/4", "one document, different questions, 128 out, 4 clients", 15)
    made += _first_token(cells, "c/cold", "question about a document: first token, cold", "c/cold")
    made += _first_token(cells, "c/ram", "a second question, document in memory", "c/ram", 50)
    made += _first_token(cells, "c/disk", "…, driven out of memory, on disk", None, 20)
    made += _first_token(cells, "c/restart", "…, after a restart", "c/restart", 20)
    made += _gap(cells)
    if "e/percent" in cells:
        cost = middle(cells["e/percent"])
        figure = " – ".join(sorted({f"{value:.1f}" for value in cells["e/percent"][OURS]}, key=float))
        made.append(Line("the disk cache where nothing hits, of the speed at 1 client", f"{figure} %", "", "", "≤ 2 %", cost <= 2))
    return made + [*_cancel(cells, "reading"), *_cancel(cells, "writing"), *_open_streams(cells)]
