"""A run as Markdown."""

from . import bars

PHASES = {"decode": "decode", "prefill": "prefill of 512", "prompt": "whole prompt", "first": "first token"}


def depth_name(depth):
    return f"{depth // 1024}K" if depth >= 1024 and depth % 1024 == 0 else str(depth)


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def speed(cell, engine):
    median, least, most = bars.speeds(cell, engine)
    return f"{number(median)} [{number(least)} – {number(most)}]"


def verdict(met):
    return "met" if met else "**missed**"


def row(*cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"


def _ratio_rows(result):
    machine, isa = result["machine"], result["isa"]
    for phase in ("decode", "prefill", "prompt"):
        for engine in bars.OURS:
            for cell in result["cells"]:
                if cell["phase"] == phase and engine in cell["seconds"]:
                    yield _ratio_row(cell, engine, machine, isa)


def _ratio_row(cell, engine, machine, isa):
    other, got, wanted = bars.peer(cell), bars.ratio(cell, engine), bars.bar(isa, cell, engine)
    most, bound = bars.ceiling(cell, engine, machine)
    share = bars.speeds(cell, engine)[0] / most
    where = cell["tokens"] if cell["phase"] == "prompt" else cell["depth"]
    return row(
        PHASES[cell["phase"]],
        engine,
        depth_name(where),
        speed(cell, engine),
        f"{share:.0%} ({bound})",
        f"{speed(cell, other)} ({other})" if other else "none left",
        f"{got:.2f}×" if other else "",
        f"≥ {wanted:g}×" if wanted else "",
        verdict(got >= wanted) if wanted and other else "",
    )


def ceilings(machine):
    return (
        f"read {machine['read_gb_s']:.1f} GB/s, fp32 {machine['fp32_gflop_s']:.0f} GFLOP/s, "
        f"bf16 {machine['bf16_gflop_s']:.0f} GFLOP/s, int8 {machine['int8_gop_s']:.0f} GOP/s"
    )


def _about(result):
    machine, ours = result["machine"], result["engines"]["sparse"]
    least = min(len(s) for c in result["cells"] if c["phase"] in ("decode", "prefill") for s in c["seconds"].values())
    yield f"{machine['cpu']}, {machine['threads']} threads; measured beside it: {ceilings(machine)}."
    yield (
        f"{result['model']}, kernels {ours['kernels']}, indexer {ours['indexer']}, top-k {ours['topk']}; "
        f"{result['peer']}; {least} or more measurements of each cell in turn, medians [least – most]."
    )


def markdown(result):
    lines = [*_about(result), ""]
    lines.append(row("", "ours", "depth", "ours, tok/s", "of its ceiling", "llama.cpp, tok/s (file)", "ratio", "bar", ""))
    lines.append("|---|---|--:|--:|--:|--:|--:|--:|---|")
    lines += _ratio_rows(result)
    lines += [row("died", "", "", "", "", f"{how} ({name})", "", "", "") for name, how in result.get("lost", {}).items()]
    made = bars.checks(result) if result["isa"] == "native" else []
    if made:
        lines += ["", row("", "got", "bar", ""), "|---|--:|--:|---|"]
        lines += [row(c.what, c.got, c.wanted, verdict(c.met)) for c in made]
    return "\n".join(lines) + "\n"


def put_between_markers(text, name, table):
    """`text` with what stands between <!-- name --> and <!-- end of name --> replaced; ValueError if they are not there."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    old, found_too, after = rest.partition(end)
    if not (found and found_too):
        raise ValueError(f"lacks the markers {begin.strip()} and {end}")
    return before + begin + table + end + after
