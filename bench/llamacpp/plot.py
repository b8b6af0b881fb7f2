"""Speed against depth as SVG, drawn by hand: two panels (decode, prefill), both logarithmic."""

import math

from . import bars
from .table import depth_name, number

WIDTH, HEIGHT = 900, 420
PANEL_WIDTH, TOP, BOTTOM, LEFT, GAP = 370, 60, 340, 60, 70

# name, colour, dash
LINES = {
    "sparse": ("dsa, sparse", "#0b6e4f", ""),
    "dense": ("dsa, dense", "#3d7dca", ""),
    "peer": ("llama.cpp", "#c2452d", ""),
    "sparse ceiling": ("ceiling, sparse", "#0b6e4f", "3 4"),
    "dense ceiling": ("ceiling, dense", "#3d7dca", "3 4"),
}


def series(result, phase):
    """line -> [(depth, tokens a second)]"""
    found = {name: [] for name in LINES}
    for cell in sorted((c for c in result["cells"] if c["phase"] == phase), key=lambda c: c["depth"]):
        depth = cell["depth"]
        if other := bars.peer(cell):
            found["peer"].append((depth, bars.speeds(cell, other)[0]))
        for engine in bars.OURS:
            found[engine].append((depth, bars.speeds(cell, engine)[0]))
            found[f"{engine} ceiling"].append((depth, bars.ceiling(cell, engine, result["machine"])[0]))
    return found


def text(x, y, words, anchor="middle", size=12, colour="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{words}</text>'


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


class Panel:
    def __init__(self, left, title, lines, styles=LINES):
        self.left, self.title, self.lines, self.styles = left, title, lines, styles
        values = [v for points in lines.values() for _, v in points]
        self.low = math.floor(math.log10(min(values)))
        self.high = math.ceil(math.log10(max(values)))
        self.depths = sorted({d for points in lines.values() for d, _ in points})

    # Depth 0 has no logarithm: depths stand at equal distances.
    def x(self, depth):
        steps = max(len(self.depths) - 1, 1)
        return self.left + PANEL_WIDTH * (0.06 + 0.88 * self.depths.index(depth) / steps)

    def y(self, value):
        return BOTTOM - (BOTTOM - TOP) * (math.log10(value) - self.low) / max(self.high - self.low, 1)

    def draw(self):
        out = [text(self.left + PANEL_WIDTH / 2, TOP - 20, self.title, size=14)]
        for power in range(self.low, self.high + 1):
            y = self.y(10**power)
            out += [line(self.left, y, self.left + PANEL_WIDTH, y, "#ddd"), text(self.left - 8, y + 4, f"{10**power:g}", "end")]
        for depth in self.depths:
            out += [line(self.x(depth), TOP, self.x(depth), BOTTOM, "#eee"), text(self.x(depth), BOTTOM + 18, depth_name(depth))]
        for name, points in self.lines.items():
            _, colour, dash = self.styles[name]
            at = " ".join(f"{self.x(d):.1f},{self.y(v):.1f}" for d, v in points)
            out.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
            if not dash:
                for d, v in points:
                    out.append(f'<circle cx="{self.x(d):.1f}" cy="{self.y(v):.1f}" r="3" fill="{colour}"><title>{number(v)}</title></circle>')
        return out


def svg(result):
    panels = [
        Panel(LEFT, "decode, tokens a second", series(result, "decode")),
        Panel(LEFT + PANEL_WIDTH + GAP, "prefill of 512 tokens, tokens a second", series(result, "prefill")),
    ]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for panel in panels:
        out += panel.draw()
        out.append(text(panel.left + PANEL_WIDTH / 2, BOTTOM + 36, "tokens in the cache"))
    for i, (label, colour, dash) in enumerate(LINES.values()):
        x = LEFT + i * 165
        out.append(f'<path d="M{x} {HEIGHT - 16}h28" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        out.append(text(x + 34, HEIGHT - 12, label, "start"))
    return "\n".join(out + ["</svg>"]) + "\n"
