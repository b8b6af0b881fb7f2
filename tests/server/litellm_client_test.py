"""litellm as a client by its three ways to ask, as OpenAI's, as DeepSeek's and as Anthropic's; and its bill beside ours."""

import json
import math

import litellm
from client_case import COUNT, PERSON, TOOL, WEATHER, WHO, equal, expect, is_person, run

WAYS = {"openai": "/v1", "deepseek": "/beta", "anthropic": ""}
litellm.suppress_debug_info = True
TOOLS = [{"type": "function", "function": TOOL}]


class Asking:
    """One way to ask one server, and what litellm says that it all cost."""

    def __init__(self, server, way):
        self.name = f"{way}/{server.model}"
        self.options = {"model": self.name, "api_base": server.url + WAYS[way], "api_key": server.key, "max_retries": 0, "temperature": 0}
        hit, miss, output = (price / 1e6 for price in server.prices)
        price = {"input_cost_per_token": miss, "cache_read_input_token_cost": hit, "output_cost_per_token": output}
        litellm.register_model({self.name: price | {"litellm_provider": way, "mode": "chat"}})
        self.costs = []

    def __call__(self, messages, **more):
        answer = litellm.completion(messages=messages, **self.options, **({"max_tokens": 200} | more))
        if more.get("stream"):
            chunks = list(answer)
            answer = litellm.stream_chunk_builder(chunks, messages=messages)
        self.costs.append(litellm.completion_cost(answer, model=self.name))
        return answer


def user(text):
    return [{"role": "user", "content": text}]


def streams(ask, scripted):
    answer = ask(user(COUNT), stream=True, stream_options={"include_usage": True})
    text = answer.choices[0].message.content
    expect(text == "one two three" if scripted else text, f"text: {text!r}")
    expect(answer.usage.completion_tokens > 0 and answer.usage.prompt_tokens > 0, f"{answer.usage}")


def calls_tools(ask, scripted):
    messages = user(WEATHER)
    for stream in (False, True):
        first = ask(messages, tools=TOOLS, tool_choice="required", stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}))
        equal(first.choices[0].finish_reason, "tool_calls")
        call = first.choices[0].message.tool_calls[0]
        equal(call.function.name, "get_weather")
        city = json.loads(call.function.arguments)["city"]
        expect(city == "Paris" if scripted else isinstance(city, str), f"city: {city!r}")
    messages += [first.choices[0].message.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
    text = ask(messages, tools=TOOLS).choices[0].message.content
    expect(text == "It is mild." if scripted else text, f"text: {text!r}")


def answers_in_structure(ask, scripted):
    form = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
    is_person(json.loads(ask(user(WHO), response_format=form).choices[0].message.content))


def case(way):
    def every_talk_and_its_bill(server):
        before = len(server.bill())
        ask = Asking(server, way)
        for talk in (streams, calls_tools, answers_in_structure):
            talk(ask, server.scripted)
        rows = server.bill()[before:]
        equal([row["cost"] for row in rows], [math.ceil(round(cost * 1e6, 6)) for cost in ask.costs])
        expect(server.scripted or any(int(row["hit"]) for row in rows), "something is found in the cache, and paid as such")

    every_talk_and_its_bill.__name__ = f"{way}: {every_talk_and_its_bill.__name__}"
    return every_talk_and_its_bill


run([case(way) for way in WAYS])
