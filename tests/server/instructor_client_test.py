"""instructor as a client: a model of pydantic's by each of its modes, streamed in part, several, and asked again when one is wrong."""

from typing import Annotated

import instructor
import openai
from client_case import SCRIPT, WHO, equal, expect, is_person, run
from pydantic import AfterValidator, BaseModel, Field

CALL = '<tool_call>\n{{"name": "{}", "arguments": {}}}\n</tool_call>'
MODES = {"tools": instructor.Mode.TOOLS, "json_schema": instructor.Mode.JSON_SCHEMA, "responses": instructor.Mode.RESPONSES_TOOLS}


ADA = {"name": "Ada", "age": 36}


def no_ghost(name):
    if name == "Ghost":
        raise ValueError("nobody is called Ghost")
    return name


class Person(BaseModel):
    name: Annotated[str, Field(max_length=20), AfterValidator(no_ghost)]
    age: Annotated[int, Field(ge=0, le=150)]


def client(server, mode):
    return instructor.from_openai(openai.OpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=0), mode=MODES[mode])


def ask(server, text, **more):
    limit = {} if more.get("responses") else {"max_tokens": 200}
    more.pop("responses", None)
    return {"model": server.model, "messages": [{"role": "user", "content": text}], "temperature": 0, "max_retries": 0, **limit, **more}


def by_mode(mode, text):
    def structure(server):
        person = client(server, mode).chat.completions.create(response_model=Person, **ask(server, text, responses=mode == "responses"))
        is_person(person.model_dump())
        expect(not server.scripted or person.model_dump() == ADA, f"{person}")

    structure.__name__ = f"{mode}: structure"
    return structure


def streams_in_part(server):
    seen = list(client(server, "tools").chat.completions.create_partial(response_model=Person, **ask(server, WHO + " Call.")))
    is_person(seen[-1].model_dump())
    expect(len({str(one) for one in seen}) > 2, f"it grows: {seen}")


def asks_again(server):
    """Its loop: what pydantic refuses goes back as the result of the call."""
    if server.scripted:
        person = client(server, "tools").chat.completions.create(response_model=Person, **(ask(server, "A ghost?") | {"max_retries": 2}))
        equal(person.model_dump(), ADA)


script = SCRIPT | {
    "answers": [
        {"when": "nobody is called Ghost", "text": CALL.format("Person", '{"name": "Ada", "age": 36}')},
        {"when": "A ghost?", "text": CALL.format("Person", '{"name": "Ghost", "age": 1}')},
        {"when": '"PartialPerson"', "text": CALL.format("PartialPerson", '{"name": "Ada", "age": 36}')},  # in the definitions of tools
        {"when": "Call.", "text": CALL.format("Person", '{"name": "Ada", "age": 36}')},
        *SCRIPT["answers"],
    ]
}
run([by_mode("tools", WHO + " Call."), by_mode("json_schema", WHO), by_mode("responses", WHO + " Call."), streams_in_part, asks_again], script)
