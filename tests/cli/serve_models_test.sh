# dsa serve: models that are loaded when they are asked for; dsa ps, serve --estimate and connect.
source "$(dirname "$0")/lib.sh"

tiny_v32=$root/models/tiny-v32
cat >"$work/serve.toml" <<TOML
[models.first]
path = "$tiny_v32"
ctx = 1024
cache_ram = 8

[models.second]
path = "$tiny_v32"
ctx = 512
indexer = "none"
cache_ram = 8
unload_after = 5
TOML

# what the file says wrong is wrong usage, and says where
printf '[models.a]\nprt = 1\n' >"$work/bad.toml"
on 2 "$dsa" serve --config "$work/bad.toml" --estimate
stderr_has 'models.a: there is no option "prt"'
printf '[models.a]\nctx = "x"\n' >"$work/bad.toml"
on 2 "$dsa" serve --config "$work/bad.toml" --estimate
stderr_has "models.a"
printf '[models.nowhere]\n' >"$work/bad.toml"
refused "nowhere" "$dsa" serve --config "$work/bad.toml" --estimate
printf '[models.tiny-v32]\n' >"$work/same.toml"
refused 'two models are called "tiny-v32"' "$dsa" serve tiny-v32 --config "$work/same.toml" --estimate
on 0 "$dsa" serve --config "$work/serve.toml" --print-config
stdout_has "[models.second]"
cp "$work/out" "$work/printed.toml"

# will it fit
on 0 "$dsa" serve --config "$work/serve.toml" --estimate
stdout_has "first: fits"
stdout_has "users at a time"
stdout_has "all at a time"
on 0 "$dsa" serve --config "$work/serve.toml" --memory 1 --estimate
stdout_has "first: does not fit"
on 0 "$dsa" serve smollm2 --memory 200 --estimate
stdout_has "smollm2: fits"
stderr_has "not the model's 8192"
on 0 "$dsa" serve smollm2 --memory 200 --ctx 8192 --estimate
stdout_has "smollm2: does not fit"

# served FOLDER OPTION...: a server in the background; $url is where it listens.
served() {
  "$dsa" serve --port 0 --threads 1 "$@" 2>"$work/server" &
  server=$!
  trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
  wait_for_server "$work/server" "$server" || fail "no server: $(cat "$work/server")"
}
# Room for one of the two at a time.
needs=$("$dsa" serve --config "$work/serve.toml" --estimate | sed -n 's/^first: fits: needs \([0-9]*\)[.0-9]* MiB$/\1/p')
[[ $needs -gt 8 ]] || fail "the estimate says no number: $needs"
served --config "$work/printed.toml" --memory $((needs + 4))
on 0 python3 - "$url" <<'PYTHON'
import json, sys, time, urllib.request
url = sys.argv[1]
def get(path):
    return json.load(urllib.request.urlopen(url + path))
def ask(name):
    body = json.dumps({"model": name, "prompt": "Once", "max_tokens": 3, "temperature": 0}).encode()
    answer = json.load(urllib.request.urlopen(url + "/v1/completions", body))
    assert answer["model"] == name, answer
    return answer["choices"][0]["text"]
def loaded():
    return [model["id"] for model in get("/admin/models")["data"] if model["state"] == "loaded"]
ids = [model["id"] for model in get("/v1/models")["data"]]
assert ids == ["first", "first:dense", "second"], ids
assert loaded() == [], "nothing is loaded before it is asked for"
text = ask("first")
assert loaded() == ["first"]
ask("second")
assert loaded() == ["second"], "there is room for one"
assert ask("first:dense") == text, "a short prompt is dense anyway, and a model the same when it comes back"
assert loaded() == ["first"]
ask("second")
deadline = time.monotonic() + 30
while loaded() and time.monotonic() < deadline:
    time.sleep(0.1)
assert loaded() == [], "idle for more than five seconds"
told = get("/admin/models")
assert told["data"][0]["loads"] == 2 and told["data"][0]["completion_tokens"] == 6, told
ask("first")
PYTHON
on 0 "$dsa" ps "$url"
stdout_has "first"
stdout_has "in "
on 0 "$dsa" ps "$url/v1" --json
json /data/0/state loaded
json /data/1/state absent
refused "is a server running there" "$dsa" ps http://127.0.0.1:1
refused "expected http://" "$dsa" ps 127.0.0.1:8000

# what clients need
cd "$work" || exit 1
on 0 "$dsa" connect claude "$url"
json /env/ANTHROPIC_BASE_URL "$url"
json /env/ANTHROPIC_MODEL first
json /env/CLAUDE_CODE_ATTRIBUTION_HEADER 0
json /env/CLAUDE_CODE_AUTO_COMPACT_WINDOW 1024
stderr_has ".claude/settings.local.json"
[[ ! -e .claude ]] || fail "it was written, and nobody said so"
on 0 env DSA_API_KEY=secret "$dsa" connect claude "$url/" --model second --write
[[ $(stat -c %a .claude/settings.local.json) == 600 ]] || fail "others may read the key"
on 0 "$json_value" /env/ANTHROPIC_AUTH_TOKEN <.claude/settings.local.json
stdout_is secret
refused "is there already" "$dsa" connect claude "$url" --write
on 0 "$dsa" connect claude "$url" --write --force
stderr_has ".before-dsa"
on 0 "$json_value" /env/ANTHROPIC_MODEL <.claude/settings.local.json.before-dsa
stdout_is second
on 0 env HOME="$work" "$dsa" connect codex "$url" --write --key secret
on 0 python3 - "$url" "$work/.codex/dsa.config.toml" <<'PYTHON'
import sys, tomllib
config = tomllib.load(open(sys.argv[2], "rb"))
assert config["model"] == "first" and config["model_context_window"] == 1024, config
provider = config["model_providers"][config["model_provider"]]
assert provider["base_url"] == sys.argv[1] + "/v1" and provider["wire_api"] == "responses", provider
assert provider["env_key"] == "DSA_API_KEY", provider
PYTHON
on 0 "$dsa" connect aider "$url"
stdout_has 'model: "openai/first"'
stdout_has "map-refresh: manual"
on 0 "$dsa" connect env "$url" --key "it's"
cp "$work/out" "$work/env"
on 0 bash -c 'eval "$(cat "$1")"; [[ $OPENAI_BASE_URL == "$2/v1" && $ANTHROPIC_AUTH_TOKEN == "it'"'"'s" ]]' _ "$work/env" "$url"
refused 'no model "third"' "$dsa" connect env "$url" --model third
on 2 "$dsa" connect emacs "$url"
kill "$server"
wait "$server" || fail "the server ends with $?"
finish
