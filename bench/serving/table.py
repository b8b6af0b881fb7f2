"""A run as Markdown."""

from llamacpp.table import ceilings, row, verdict

from . import bars


def _about(result):
    machine = result["machine"]
    yield f"{machine['cpu']}, {machine['threads']} threads; measured beside it: {ceilings(machine)}."
    often = f"{result['reps']} measurements in turn, medians [least – most]" if result["reps"] > 1 else "measured once"
    yield (
        f"{result['model']}; the server of {result['peer']}; shared document {result['shared']} tokens, long document and prompt "
        f"{result['document']}; {often}."
    )
    shares = ", ".join(f"{name} {share:.1%}" for name, share in result["client"].items())
    yield f"What the client itself took of one core, by row: {shares}."


def markdown(result):
    lines = [*_about(result), "", row("", "ours", "llama.cpp (file)", "ratio", "bar", ""), "|---|--:|--:|--:|---|---|"]
    for line in bars.lines(result["cells"]):
        lines.append(row(line.what, line.ours, line.peer, line.ratio, line.bar, "" if line.met is None else verdict(line.met)))
    lines += [row(f"row {name}", "not measured", "", "", _cell(why), "") for name, why in result["failed"].items()]
    lines += [row("died", "", f"{_cell(how)} ({who})", "", "", "") for who, how in result["lost"].items()]
    return "\n".join(lines) + "\n"


def _cell(text):
    return text.replace("|", "/").replace("\n", " ")
