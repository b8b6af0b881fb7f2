"""Output speed against clients, and first tokens of a question about a long document, as SVG."""

import math

from llamacpp.plot import BOTTOM, GAP, HEIGHT, LEFT, LINES, PANEL_WIDTH, TOP, WIDTH, Panel, line, text
from llamacpp.table import number

from . import bars
from .servers import OURS

OURS_STYLE, PEER_STYLE = ("dsa", *LINES["sparse"][1:]), LINES["peer"]
STYLES = {"ours": OURS_STYLE, "peer": PEER_STYLE}
QUESTIONS = {"c/cold": "cold", "c/ram": "in memory", "c/disk": "on disk", "c/restart": "restarted"}


def speeds(cells):
    """line -> [(clients, tokens a second)]"""
    found = {"ours": [], "peer": []}
    for clients in (1, 4, 8, 16):
        if cell := cells.get(f"a/{clients}"):
            found["ours"].append((clients, bars.middle(cell)))
            if other := bars.peer(cell, more_is_better=True):
                found["peer"].append((clients, bars.middle(cell, other)))
    return {name: points for name, points in found.items() if points}


def waits(cells):
    """[(label, ours, peer or None)], milliseconds."""
    found = []
    for name, label in QUESTIONS.items():
        if cell := cells.get(name):
            other = bars.peer(cell, more_is_better=False)
            found.append((label, bars.middle(cell, OURS), bars.middle(cell, other) if other else None))
    return found


def bar_panel(left, title, groups):
    """Groups of two bars; the height is logarithmic."""
    top = math.ceil(math.log10(max(value for _, *pair in groups for value in pair if value)))
    out = [text(left + PANEL_WIDTH / 2, TOP - 20, title, size=14)]
    height = lambda value: (BOTTOM - TOP) * max(math.log10(max(value, 1)), 0.02) / top
    for power in range(top + 1):
        y = BOTTOM - (BOTTOM - TOP) * power / top
        out += [line(left, y, left + PANEL_WIDTH, y, "#ddd"), text(left - 8, y + 4, f"{10**power:g}", "end")]
    step = PANEL_WIDTH / len(groups)
    for i, (label, *pair) in enumerate(groups):
        out.append(text(left + step * (i + 0.5), BOTTOM + 18, label))
        for place, (value, (name, colour, _)) in enumerate(zip(pair, STYLES.values())):
            if value:
                x, high = left + step * (i + 0.18 + 0.34 * place), height(value)
                shape = f'x="{x:.1f}" y="{BOTTOM - high:.1f}" width="{0.3 * step:.1f}" height="{high:.1f}"'
                out.append(f'<rect {shape} fill="{colour}"><title>{name}, {label}: {number(value)} ms</title></rect>')
    return out


def svg(result):
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    if found := speeds(result["cells"]):
        out += Panel(LEFT, "output, tokens a second", found, STYLES).draw()
        out.append(text(LEFT + PANEL_WIDTH / 2, BOTTOM + 36, "clients at once"))
    if groups := waits(result["cells"]):
        left = LEFT + PANEL_WIDTH + GAP
        out += bar_panel(left, "first token of a question, milliseconds", groups)
        out.append(text(left + PANEL_WIDTH / 2, BOTTOM + 36, f"a document of {result['document']} tokens"))
    for i, (label, colour, _) in enumerate(STYLES.values()):
        x = LEFT + i * 165
        out += [line(x, HEIGHT - 16, x + 28, HEIGHT - 16, colour), text(x + 34, HEIGHT - 12, label, "start")]
    return "\n".join(out + ["</svg>"]) + "\n"
