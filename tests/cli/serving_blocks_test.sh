# docs/serving.md: every block of it that can be typed is typed, as a reader would ("Ten minutes" by serving_doc_test).
source "$(dirname "$0")/lib.sh"

unset DSA_SERVE_LEDGER
models=${DSA_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/dsa}/models
mkdir "$work/bin" "$work/blocks"
ln -s "$dsa" "$work/bin/dsa"
# Each block by itself, numbered: lines that four spaces begin.
awk -v folder="$work/blocks" '/^    /{if (!within) file = sprintf("%s/%02d", folder, ++n); within = 1; print substr($0, 5) >file; next} {within = 0}' \
  "$root/docs/serving.md"

# block WORDS: the file of the one block that begins with them.
block() {
  local one found=()
  for one in "$work"/blocks/??; do
    [[ $(head -n 1 "$one") == "$1"* ]] && found+=("$one")
  done
  [[ ${#found[@]} == 1 ]] || fail "docs/serving.md has ${#found[@]} blocks that begin with: $1" >&2
  printf '%s\n' "${found[@]}" | tee -a "$work/seen"
}
# not_typed WORDS REASON
not_typed() {
  block "$1" >/dev/null
  echo "not typed: $1: $2"
}
# typed FILE [MORE]: in a folder of a new user's, $home; a server that is started is waited for, and MORE typed behind.
typed() {
  [[ -s $1 ]] || fail "there is nothing to type"
  home=$(mktemp -d -p "$work")
  mkdir -p "$home/dsa" "$home/here"
  ln -s "$models" "$home/dsa/models"
  [[ -e $work/here ]] && cp -R "$work/here/." "$home/here"
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  {
    sed "/^dsa serve/{s/ *#.*//;s/\( &\)\?\$/ \&/;s|\$|\nuntil curl -sf http://127.0.0.1:8000/ready; do sleep 0.1; done|}
      s|^dsa connect [a-z]*|& http://127.0.0.1:8000|; s|(dsa connect env)|(dsa connect env http://127.0.0.1:8000)|" "$1"
    printf '%s\n' "${2:-}"
  } | sed "s/127\.0\.0\.1:8000/127.0.0.1:$port/g" >"$home/typed"
  # shellcheck disable=SC2016
  on 0 env -C "$home/here" HOME="$home" DSA_HOME="$home/dsa" PATH="$work/bin:$PATH" DSA_SERVE_PORT="$port" DSA_SERVE_CTX=2048 \
    timeout 120 bash -euo pipefail -c 'trap "kill %1 2>/dev/null || true" EXIT; source "$1"' _ "$home/typed"
}

typed "$(block 'dsa serve smollm2     ')"
stdout_has '"role":"assistant"'

typed "$(block 'KEY=$(dsa keys create')"
stdout_has '"cost":'
stdout_has anna

# An agent's settings, of a server that is there.
{
  echo 'dsa serve smollm2 &'
  cat "$(block 'dsa connect claude --write ')"
} >"$work/agents"
# shellcheck disable=SC2016
typed "$work/agents" 'echo "the base is $OPENAI_BASE_URL"'
stdout_has "the base is http://127.0.0.1:"
for file in here/.claude/settings.local.json .codex/dsa.config.toml here/.aider.conf.yml; do
  [[ -s $home/$file ]] || fail "there is no $file"
done

{
  echo 'dsa serve smollm2 &'
  cat "$(block ANTHROPIC_BASE_URL=)"
} >"$work/program"
mkdir "$work/here"
cat >"$work/here/my_program.py" <<'PYTHON'
import json, os, urllib.request
body = {"model": "claude-any", "max_tokens": 4, "messages": [{"role": "user", "content": "Hello!"}]}
headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "content-type": "application/json"}
request = urllib.request.Request(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", json.dumps(body).encode(), headers)
print(json.load(urllib.request.urlopen(request))["type"])
PYTHON
typed "$work/program"
stdout_has message

# What was selected, out of an answer.
cat >"$work/here/trace.py" <<'PYTHON'
import json, sys, urllib.request
body = {"messages": [{"role": "user", "content": "word " * 100}], "max_tokens": 3, "temperature": 0,
        "dsa": {"attention": "sparse", "top_k": 16, "trace": {"tokens": 3}}}
answer = json.load(urllib.request.urlopen("http://127.0.0.1:8000/v1/chat/completions", json.dumps(body).encode()))
answer = answer["choices"][0] if "dsa" not in answer else answer
PYTHON
cat "$(block 'from itertools import accumulate')" >>"$work/here/trace.py"
cat >>"$work/here/trace.py" <<'PYTHON'
sizes = [len(now) for now in chosen.values()]
assert min(map(min, chosen.values())) >= 0 and 15 < sum(sizes) / len(sizes) < 17, chosen
print("layers:", len(chosen))
PYTHON
{
  echo 'dsa serve smollm2 &'
  # shellcheck disable=SC2016
  echo 'sed -i "s/:8000/:$DSA_SERVE_PORT/" trace.py && python3 trace.py'
} >"$work/trace"
typed "$work/trace"
stdout_has layers:

# What is written into a file.
ln -s "$root/models/tiny-v32" "$work/here/writer-7b"
cat "$(block '[models.writer]')" <(echo) "$(block '[models.tiny-v32]')" >"$work/here/serve.toml"
sed -i 's/^ctx = 8192 /ctx = 1024 /' "$work/here/serve.toml"
typed "$(block 'dsa serve --config serve.toml')" 'dsa ps http://127.0.0.1:8000; curl -sf http://127.0.0.1:8000/v1/completions -d "{\"model\": \"writer\", \"prompt\": \"Once\", \"max_tokens\": 2}"'
stdout_has tiny-v32
stdout_has '"model":"writer"'

for words in '[[volatile_lines]]' '[versions."v3.1' '[prices]' '[prices.smollm2]' '[[prices.smollm2.bands]]'; do
  if [[ $words == '[[volatile_lines]]' ]]; then
    for one in "$work"/blocks/??; do
      [[ $(head -n 1 "$one") == "$words" ]] && echo "$one" >>"$work/seen" && cat "$one" <(echo)
    done
  else
    cat "$(block "$words")" <(echo)
  fi
done >"$work/here/serve.toml"
echo 'dsa serve smollm2 --config serve.toml &' >"$work/tables"
typed "$work/tables" 'curl -s http://127.0.0.1:8000/v3.1_expires_on_20261015/v1/chat/completions -d "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}], \"max_tokens\": 2}"
  curl -sfi http://127.0.0.1:8000/v1/messages -d "{\"system\": \"x-anthropic-billing-header: a\\nBe kind.\\nToday'"'"'s date: now\", \"max_tokens\": 2, \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}"
  dsa keys create --owner anna
  dsa serve --config serve.toml --check'
grep -qE '"code":"version_expired"|"model":"smollm2:dense"' "$work/out" || fail "stdout lacks the version"
stdout_has "X-Dsa-Dropped: x-anthropic-billing-header"
stdout_has "X-Dsa-Moved: Today's date"
stdout_has "keys of"

block 'export DSA_API_KEY' >/dev/null # serving_doc_test
not_typed 'lm_eval run' "a harness from PyPI, which server.lm_eval_test runs"
not_typed 'dsa serve --ledger postgresql' "another machine's database; server.postgres_test runs two servers on one of its own"

comm -23 <(printf '%s\n' "$work"/blocks/?? | sort) <(sort -u "$work/seen") >"$work/unseen"
[[ ! -s $work/unseen ]] || fail "docs/serving.md has a block that is not typed here: $(head -n 1 "$(head -n 1 "$work/unseen")")"
finish
