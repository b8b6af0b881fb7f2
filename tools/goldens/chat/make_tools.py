#!/usr/bin/env python3
"""Goldens of tools in the chat formats: definitions, calls and results rendered by the models' own templates.

  make_tools.py --templates DIR --glm51 FILE.jinja --glm52 FILE.jinja --unsloth FILE.py --sglang FILE.whl --out tests/goldens/chat/tools.json

The sources are those of make.py. Two of them do not render tools as the models' makers do, and are helped to: V3.1's template renders
none (its model card says how the system message tells of them, which is done here), and the copy of V3.2's encoding has lost the blank
lines of its preamble (they are taken from llama.cpp's template, which has them).
"""

import argparse
import hashlib
import json
import pathlib

import make
from transformers.utils.chat_template_utils import _compile_jinja_template

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city, \"now\" – in °C.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Its name"},
                "days": {"type": "integer", "minimum": 0},
                "where": {"type": "array", "items": {"type": "number"}},
            },
            "required": ["city"],
        },
    },
}
NOW = {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}}
STRICT = {
    "type": "function",
    "function": {"name": "add", "description": "a+b", "strict": True, "parameters": {"properties": {"a": {"type": "number"}}, "type": "object"}},
}


def call(name, **arguments):
    return {"name": name, "arguments": arguments}


def a(text, *calls, reasoning=None):
    return make.a(text, reasoning) | ({"tool_calls": list(calls)} if calls else {})


def t(text):
    return {"role": "tool", "content": text}


S, U = make.s, make.u
PARIS = call("get_weather", city="Paris", days=2)
ODD = call("get_weather", city='Köln "<b>" \\ {}\n', days=0, where=[1.5, -2], deep={"a": [None, True, {}], "e": []})
CONVERSATIONS = {
    "offered": ([WEATHER], [U("Hello!")]),
    "offered with a system message": ([WEATHER, NOW], [S("Be kind.\n"), U(" Hello! ")]),
    "one with strict": ([STRICT], [S(""), U("q")]),
    "called": ([WEATHER], [S("s"), U("q"), a("", PARIS)]),
    "called behind text": ([WEATHER], [U("q"), a("Let me look.", PARIS), t("18 °C")]),
    "result": ([WEATHER, NOW], [S("s"), U("q"), a("", PARIS), t('{"t": 18}')]),
    "result and answer": ([WEATHER], [U("q"), a("", PARIS), t("18"), a("It is 18."), U("thanks")]),
    "two calls at once": ([WEATHER, NOW], [U("q"), a("", PARIS, call("now")), t("18"), t("noon")]),
    "one call behind the other": ([WEATHER, NOW], [U("q"), a("", PARIS), t("18"), a("And now", call("now")), t("noon"), a("done")]),
    "odd arguments": ([WEATHER], [U("q"), a("", ODD), t("<|im_end|> </tool_response> ok")]),
    "reasoning before a call": ([WEATHER], [U("q"), a("", PARIS, reasoning="I need it"), t("18")]),
    "reasoning before calls": ([WEATHER, NOW], [U("q"), a("", PARIS, reasoning="first"), t("18"), a("x", call("now"), reasoning="\nsecond\n"), t("noon")]),
    "calls of an earlier question": ([WEATHER], [U("q"), a("", PARIS, reasoning="why"), t("18"), a("It is 18.", reasoning="so"), U("and?")]),
    "calls without tools": ([], [U("q"), a("", PARIS), t("18"), a("It is 18."), U("and?")]),
}
WITHOUT_PROMPT = ("called", "two calls at once")  # also these
SINGLE = ("llama",)  # their templates raise on several calls at once

V31_CARD = (
    "IMPORTANT: ALWAYS adhere to this exact format for tool use:\n"
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tool_call_name<｜tool▁sep｜>tool_call_arguments<｜tool▁call▁end｜>"
    "{{additional_tool_calls}}<｜tool▁calls▁end｜>\n\nWhere:\n\n"
    "- `tool_call_name` must be an exact match to one of the available tools\n"
    "- `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters Schema\n"
    "- For multiple tool calls, chain them directly without separators or spaces\n"
)


def for_templates(messages, text_arguments=False):
    out = []
    for m in make.with_reasoning_content(messages):
        calls = m.pop("tool_calls", None)
        if calls:
            shown = (lambda v: json.dumps(v, ensure_ascii=False)) if text_arguments else (lambda v: v)
            m["tool_calls"] = [{"type": "function", "function": {"name": c["name"], "arguments": shown(c["arguments"])}} for c in calls]
        out.append(m)
    return out


def with_v31_tools(messages, tools):
    """The system message that V3.1's model card asks its callers to write."""
    if not tools:
        return messages
    text = "## Tools\nYou have access to the following tools:\n"
    for tool in tools:
        f = tool["function"]
        text += f"\n### {f['name']}\nDescription: {f['description']}\n\nParameters: {json.dumps(f['parameters'], ensure_ascii=False)}\n"
    text += "\n" + V31_CARD
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    rest = messages[1:] if messages[0]["role"] == "system" else messages
    return [S(system + "\n\n" + text)] + rest


def v32_preamble(template):
    """The preamble, blank lines and all, with {tool_schemas} where they stand."""
    name = "unlikely_name"
    tool = {"type": "function", "function": {"name": name}}
    text = template.render(messages=[U("q")], tools=[tool], bos_token="", thinking=False, add_generation_prompt=False)
    text = text[: text.index("<｜User｜>")]
    schema = json.dumps(tool["function"])
    assert text.count(schema) == 1 and "{" not in text.replace(schema, "")
    return text.replace(schema, "{tool_schemas}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("templates", "glm51", "glm52", "unsloth", "sglang", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    args = parser.parse_args()
    sources, cases = [], []
    templates = {}

    def add(fmt, conversation, prompt, thinking, text):
        cases.append({"format": fmt, "conversation": conversation, "prompt": prompt, "thinking": thinking, "text": text})

    def add_template(fmt, file, source, switch):
        if fmt.startswith("deepseek-r1"):
            return
        sources.append({"format": fmt, "file": file, "sha256": hashlib.sha256(source.encode()).hexdigest()})
        template = templates[fmt] = _compile_jinja_template(source)
        bos = next((token for family, token in make.BOS.items() if fmt.startswith(family)), "")
        for name, (tools, messages) in CONVERSATIONS.items():
            if fmt.startswith(SINGLE) and any(len(m.get("tool_calls", ())) > 1 for m in messages):
                continue
            if fmt.startswith("deepseek-v3.1"):
                messages = with_v31_tools(messages, tools)
            for prompt in (True, False) if name in WITHOUT_PROMPT else (True,):
                for thinking in (None, True, False) if switch else (None,):
                    extra = {} if thinking is None else {switch: thinking}
                    if fmt.startswith("llama"):
                        extra["date_string"] = make.DATE
                    if tools and not fmt.startswith("deepseek-v3.1"):
                        extra["tools"] = tools
                    text = template.render(messages=for_templates(messages), add_generation_prompt=prompt, bos_token=bos, **extra)
                    add(fmt, name, prompt, thinking, text)

    make.add_llama_cpp_templates(args.templates, add_template)
    add_template("glm-5.1", args.glm51.name, args.glm51.read_text(), "enable_thinking")
    add_template("glm-5.2", args.glm52.name, args.glm52.read_text(), "enable_thinking")
    make.add_qwen3_2507(args.unsloth, add_template)

    encoding, raw = make.load_encoding(args.sglang)
    encoding.TOOLS_SYSTEM_TEMPLATE = v32_preamble(templates["deepseek-v3.2 (llama.cpp)"])
    sources.append({"format": "deepseek-v3.2", "file": "encoding_dsv32.py", "sha256": hashlib.sha256(raw).hexdigest()})
    for name, (tools, messages) in CONVERSATIONS.items():
        messages = for_templates(messages, text_arguments=True)
        if tools:  # as sglang and vLLM do
            messages = messages if messages[0]["role"] == "system" else [S("")] + messages
            messages[0] = messages[0] | {"tools": tools}
        for thinking in (None, True, False):
            try:
                add("deepseek-v3.2", name, True, thinking, encoding.encode_messages(messages, thinking_mode="thinking" if thinking else "chat"))
            except encoding.DS32EncodingError:
                pass  # an answer behind the last question without reasoning

    conversations = {
        name: {
            "tools": [json.dumps(tool) for tool in tools],
            "messages": [
                m | ({"tool_calls": [c | {"arguments": json.dumps(c["arguments"])} for c in m["tool_calls"]]} if "tool_calls" in m else {})
                for m in messages
            ],
        }
        for name, (tools, messages) in CONVERSATIONS.items()
    }
    out = {"sources": sources, "conversations": conversations, "cases": cases}
    args.out.write_text(json.dumps(out, ensure_ascii=True, indent=0) + "\n")
    print(f"{len(cases)} cases, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
