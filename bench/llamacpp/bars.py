"""What issue 4 asks for, and whether a measured run gives it.  Pure: results in, verdicts out."""

import statistics

MB = 1_000_000
K2, K8, K32 = 2048, 8192, 32768

# Least ratio to the better of llama.cpp's two files: (phase, our attention) -> depth -> bar.
RATIOS = {
    "native": {
        ("decode", "sparse"): {0: 1.25, K2: 2, K8: 6, K32: 18},
        ("prefill", "sparse"): {0: 1.6, K2: 2.5, K8: 6, K32: 15},
        ("decode", "dense"): {0: 1.25, K2: 1.6, K8: 2.5, K32: 2.5},
        ("prefill", "dense"): {0: 1.6, K2: 2, K8: 2.5, K32: 2.5},
        ("prompt", "sparse"): {K8: 4},
    },
    "avx2": {("decode", "sparse"): {K8: 4}, ("prefill", "sparse"): {K8: 2.5}},
}
FLATNESS = 0.60  # of the speed at 2K, sparse decode at 32K keeps
FIRST_TOKEN_MS = 100
LOAD_MS = 500
MEMORY_BEYOND_FILE_AND_CACHE = 150 * MB

OURS = ("sparse", "dense")


def read_share_bar(read_gb_s, at_slow, at_fast):
    """The bar of a machine below 40 GB/s, that of one above 100, a straight line between them."""
    slow, fast = 40, 100
    where = min(max((read_gb_s - slow) / (fast - slow), 0), 1)
    return at_slow + where * (at_fast - at_slow)


def speeds(cell, engine):
    """(median, least, most) tokens a second."""
    each = [cell["tokens"] / s for s in cell["seconds"][engine]]
    return statistics.median(each), min(each), max(each)


def peer(cell):
    """The faster of llama.cpp's files in this cell; None if none was left."""
    return max((e for e in cell["seconds"] if e not in OURS), key=lambda e: speeds(cell, e)[0], default=None)


def ratio(cell, engine):
    """How many times as fast as the peer; None without one."""
    other = peer(cell)
    return speeds(cell, engine)[0] / speeds(cell, other)[0] if other else None


ARITHMETIC = {"fp32": "fp32_gflop_s", "bf16": "bf16_gflop_s", "int8": "int8_gop_s"}


def least_time(cost, machine):
    """(seconds, what binds), as in src/bench/cost.h."""
    read = cost["bytes"] / machine["read_gb_s"]
    arithmetic = {kind: cost[f"{kind}_ops"] / machine[ceiling] for kind, ceiling in ARITHMETIC.items()}
    if read >= sum(arithmetic.values()):
        return read / 1e9, "read"
    return sum(arithmetic.values()) / 1e9, max(arithmetic, key=arithmetic.get)


def ceiling(cell, engine, machine):
    """(tokens a second that the machine could at most give, what binds); for ours, which tell their work."""
    seconds, bound = least_time(cell["cost"][engine], machine)
    return cell["tokens"] / seconds, bound


def bar(isa, cell, engine):
    """The least ratio asked for here, or None."""
    phase = cell["phase"]
    where = cell["tokens"] if phase == "prompt" else cell["depth"]
    return RATIOS[isa].get((phase, engine), {}).get(where)


def find(result, phase, depth):
    return next((c for c in result["cells"] if (c["phase"], c["depth"]) == (phase, depth)), None)


class Check:
    """A bar that is no ratio to llama.cpp."""

    def __init__(self, what, got, wanted, met):
        self.what, self.got, self.wanted, self.met = what, got, wanted, met


def checks(result):
    """Those of the bars that the run has the figures for."""
    made = list(_flatness(result))
    for depth, at_slow, at_fast in ((0, 0.75, 0.35), (K8, 0.60, 0.30)):
        made += _bandwidth(result, depth, at_slow, at_fast)
    return made + list(_start(result)) + list(_memory(result))


def _flatness(result):
    shallow, deep = find(result, "decode", K2), find(result, "decode", K32)
    if shallow and deep:
        kept = speeds(deep, "sparse")[0] / speeds(shallow, "sparse")[0]
        yield Check("sparse decode at 32K, of its speed at 2K", f"{kept:.0%}", f">= {FLATNESS:.0%}", kept >= FLATNESS)


def _bandwidth(result, depth, at_slow, at_fast):
    cell, read = find(result, "decode", depth), result["machine"]["read_gb_s"]
    if not cell:
        return
    moved = cell["cost"]["sparse"]["bytes"] / cell["tokens"] * speeds(cell, "sparse")[0] / 1e9
    wanted = read_share_bar(read, at_slow, at_fast)
    got = f"{moved:.1f} GB/s, {moved / read:.0%}"
    yield Check(f"sparse decode at {depth}: bytes moved, of {read:.0f} GB/s", got, f">= {wanted:.0%}", moved >= wanted * read)


def _start(result):
    first = find(result, "first", 0)
    if first:
        ms = 1000 * statistics.median(first["seconds"]["sparse"])
        what = f"first token of a {first['tokens']}-token prompt"
        yield Check(what, f"{ms:.0f} ms", f"<= {FIRST_TOKEN_MS} ms", ms <= FIRST_TOKEN_MS)
    for engine in OURS:
        ms = result["engines"][engine]["load_ms"]
        yield Check(f"load, {engine}, file in the page cache", f"{ms:.0f} ms", f"< {LOAD_MS} ms", ms < LOAD_MS)


def _memory(result):
    for engine in OURS:
        told = result["engines"][engine]
        allowed = result["model_bytes"] + result["cached_tokens"] * told["cache_bytes_per_token"]
        allowed += MEMORY_BEYOND_FILE_AND_CACHE
        peak = told["peak_rss_bytes"]
        got, wanted = f"{peak / MB:.0f} MB", f"<= {allowed / MB:.0f} MB"
        yield Check(f"peak memory, {engine}: file, cache and 150 MB", got, wanted, peak <= allowed)
