"""Random schemas, and the answers that a model of random weights gives when it is held to them: all that end fit.

    random_schemas_test.py DSA MODEL

Hypothesis draws the schemas; some of them ask for what the server does not hold to:
a 400 that names keyword and place.  `jsonschema` judges the answers.
"""

import collections
import concurrent.futures
import json
import subprocess
import sys
import urllib.error
import urllib.request

import hypothesis
import jsonschema
from hypothesis import strategies as st

SCHEMAS, ANSWERS, TOKENS = 1500, 2, 300
NAMES = ["a", "b", "two words", "Grüße", 'q"\\']
PATTERNS = ["^[a-c]{2,4}$", "x+y?", "^(yes|no)$", r"^\d{3}-\w$", "(?=a)b", r"\bword\b"]
FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "regex", "iri"]


def asks(type_, **keywords):
    """Of a schema of that type: any of the keywords."""
    return st.fixed_dictionaries({"type": st.just(type_)}, optional=keywords)


def schemas():
    small, eighths = st.integers(-60, 300), st.integers(-480, 2400).map(lambda n: n / 8)
    scalar = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=4)
    leaf = st.one_of(
        asks("string", minLength=st.integers(0, 6), maxLength=st.integers(0, 9)),
        asks("string", pattern=st.sampled_from(PATTERNS)),
        asks("string", format=st.sampled_from(FORMATS)),
        asks("integer", **{word: small for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")}),
        asks("integer", multipleOf=st.integers(1, 12), minimum=st.integers(-60, 0), maximum=st.integers(1, 300)),
        asks("number", minimum=eighths, maximum=eighths),
        asks("boolean"),
        asks("null"),
        st.fixed_dictionaries({"enum": st.lists(scalar, min_size=1, max_size=4)}),
        st.fixed_dictionaries({"const": scalar}),
    )

    def nests(inner):
        some = st.lists(inner, min_size=1, max_size=3)
        properties = st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=4)
        held = properties.flatmap(lambda p: asks("object", properties=st.just(p), required=st.lists(st.sampled_from(sorted(p)), unique=True)))
        return st.one_of(
            held,
            held,
            asks("object", properties=properties, required=st.lists(st.sampled_from(NAMES), unique=True), additionalProperties=st.booleans()),
            asks("object", additionalProperties=inner),
            asks("object", minProperties=st.integers(0, 2)),
            asks("array", items=inner, minItems=st.integers(0, 3), maxItems=st.integers(0, 4)),
            asks("array", items=inner, prefixItems=some, minItems=st.integers(0, 2)),
            asks("array", items=inner, uniqueItems=st.booleans()),
            st.fixed_dictionaries({"anyOf": some}),
            st.fixed_dictionaries({"oneOf": some}),
            st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=1)}),
            st.fixed_dictionaries({"not": inner}),
        )

    return st.recursive(leaf, nests, max_leaves=6)


def drawn():
    """The same every time."""
    seen = {}

    @hypothesis.seed(21)
    @hypothesis.settings(max_examples=SCHEMAS, database=None, deadline=None, phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(schemas())
    def draw(schema):
        seen[json.dumps(schema, ensure_ascii=False)] = schema

    draw()
    return list(seen.values())


class Server:
    def __init__(self, dsa, model):
        options = ["--port", "0", "--chat-format", "chatml", "--name", "random", "--disk-cache", "0", "--ledger", "none"]
        self.process = subprocess.Popen([dsa, "serve", model, *options], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "serving at" in line:
                self.url = line.split("serving at ")[1].strip()
                return
        sys.exit("FAILED: the server did not start")

    def ask(self, schema, seed):
        """("stop" or "length", the answer's text), or ("refused", the error)."""
        body = {
            "messages": [{"role": "user", "content": "q"}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "any", "strict": True, "schema": schema}},
            "max_tokens": TOKENS,
            "seed": seed,
            "temperature": 1.0,
            # Strings end, and blanks are seldom: of bytes drawn at random few would be anything else.
            "logit_bias": {str(ord(c)): bias for c, bias in {'"': 3.5, " ": -4, "\n": -4, "\t": -4, "\r": -4}.items()},
        }
        request = urllib.request.Request(self.url + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                choice = json.load(answer)["choices"][0]
                return choice["finish_reason"], choice["message"]["content"]
        except urllib.error.HTTPError as error:
            return "refused", (error.code, json.load(error)["error"])


def fault(schema, how, what):
    """Why that is no answer to that schema; "" if it is one, or was cut off."""
    if how == "refused":
        status, error = what
        named = "#" in error["message"] and (" at #" in error["message"] or '"$ref"' in error["message"])
        return "" if status == 400 and error["code"] == "unsupported_schema" and named else f"refused with {status}: {error}"
    if how == "length":
        return ""
    if how != "stop":
        return f"it ended by {how!r}"
    try:
        jsonschema.Draft202012Validator(schema).validate(json.loads(what))
    except (ValueError, jsonschema.ValidationError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return ""


def main(dsa, model):
    every = drawn()
    for schema in every:
        jsonschema.Draft202012Validator.check_schema(schema)
    server = Server(dsa, model)
    asked = [(schema, seed) for schema in every for seed in range(ANSWERS)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda one: server.ask(*one), asked))
    server.process.terminate()
    server.process.wait()
    ends, faults, refusals = collections.Counter(), [], collections.Counter()
    for (schema, seed), (how, what) in zip(asked, got):
        ends[how] += 1
        if how == "refused":
            refusals[what[1]["message"].split("\"")[1] if "\"" in what[1]["message"] else what[1]["message"]] += 1
        if why := fault(schema, how, what):
            faults.append(f"FAILED: {json.dumps(schema, ensure_ascii=False)}, seed {seed}: {why}; the answer: {what!r}")
    print("\n".join(sorted(faults, key=lambda fault: "refused with" in fault)[:20]))  # answers that do not fit first
    print(f"{len(every)} schemas, {ANSWERS} answers each: {dict(ends)}; {len(faults)} faults; refused for {dict(refusals)}")
    if faults or ends["stop"] < 3 * ends["length"] or ends["stop"] < len(every) // 2 or not ends["refused"]:
        sys.exit("FAILED: not every answer fits, or too few came to an end")


main(*sys.argv[1:])
