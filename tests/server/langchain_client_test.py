"""langchain-openai, by the chat API and by the Responses API, and langchain-deepseek as clients."""

from client_case import COUNT, PERSON, TOOL, WEATHER, WHO, equal, expect, is_person, run
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_deepseek import ChatDeepSeek
from langchain_openai import ChatOpenAI

TOOLS = [{"type": "function", "function": TOOL}]
SCHEMA = {"title": "person", "description": "Who it is.", **PERSON}


def chat(server):
    return ChatOpenAI(base_url=server.url + "/v1", api_key=server.key, model=server.model, temperature=0, max_tokens=200, max_retries=0)


def responses(server):
    return ChatOpenAI(
        base_url=server.url + "/v1", api_key=server.key, model=server.model, temperature=0, max_tokens=200, max_retries=0, use_responses_api=True
    )


def deepseek(server):
    return ChatDeepSeek(api_base=server.url + "/beta", api_key=server.key, model=server.model, temperature=0, max_tokens=200, max_retries=0)


def stream(model, scripted):
    chunks = list(model.stream(COUNT))
    expect(len(chunks) > 3, f"{len(chunks)} chunks: an answer comes as it is written")
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    expect(whole.text == "one two three" if scripted else whole.text, f"text: {whole.text!r}")
    usage = whole.usage_metadata
    expect(usage["input_tokens"] > 0 and usage["output_tokens"] > 0, f"usage: {usage}")
    equal(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"])


def tool_loop(model, scripted):
    messages = [HumanMessage(WEATHER)]
    asked = model.bind_tools(TOOLS, tool_choice="required").invoke(messages)
    call = asked.tool_calls[0]
    equal(call["name"], "get_weather")
    expect(call["args"] == {"city": "Paris"} if scripted else isinstance(call["args"]["city"], str), f"arguments: {call['args']}")
    messages += [asked, ToolMessage("18 degrees", tool_call_id=call["id"])]
    told = model.bind_tools(TOOLS).invoke(messages)
    expect(told.text == "It is mild." if scripted else told.text, f"text: {told.text!r}")


def structure(model, scripted):
    is_person(model.with_structured_output(SCHEMA, method="json_schema").invoke(WHO))


def structure_by_a_call(model, scripted):
    """The one way that langchain-deepseek has to ask for a schema: a tool that must be called."""
    is_person(model.with_structured_output(SCHEMA, method="function_calling").invoke(WHO + " Call."))


def case(way, talk):
    def one(server):
        talk(way(server), server.scripted)

    one.__name__ = f"{way.__name__}: {talk.__name__}"
    return one


TALKS = (stream, tool_loop, structure_by_a_call)
run([case(way, talk) for way in (chat, responses, deepseek) for talk in TALKS] + [case(way, structure) for way in (chat, responses)])
