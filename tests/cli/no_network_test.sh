# dsa where there is no network but loopback: all of it works, and nothing so much as tries to leave the machine.
source "$(dirname "$0")/lib.sh"

skipped() {
  echo "SKIPPED: $1"
  exit 77
}
command -v strace >/dev/null || skipped "no strace (apt-get install strace)"
# inside COMMAND...: in a network namespace of its own, with loopback alone; its calls to others are left in $work/calls.
inside() {
  # shellcheck disable=SC2016
  unshare --user --map-root-user --net bash -c 'ip link set lo up && exec timeout 200 strace -f --seccomp-bpf -qq -e trace=connect,sendto,sendmsg,sendmmsg -o "$0" "$@"' \
    "$work/calls" "$@"
}
inside true 2>"$work/err" || skipped "no network namespace, or none that may be traced: $(head -n 1 "$work/err")"

# outward: those that name an address of another machine, or ask for one.
outward() { grep -E 'sa_family=AF_INET6?,' "$work/calls" | grep -vE 'inet_addr\("127\.|inet_pton\(AF_INET6, "::1"'; }
stayed() {
  checks=$((checks + 1))
  ! outward >"$work/left" || fail "it tried to reach $(head -n 3 "$work/left")"
}

# whoever watches sees what leaves
cat >"$work/leaves.py" <<'PYTHON'
import socket
for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"), (socket.AF_INET, "127.0.0.1")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as one:
            try:
                one.sendto(b"x", (address, 9)) if kind == socket.SOCK_DGRAM else one.connect((address, 9))
            except OSError:
                pass
PYTHON
on 0 inside python3 "$work/leaves.py"
[[ $(outward | wc -l) == 4 ]] || fail "of four attempts to leave $(outward | wc -l) were seen"

on 0 inside "$dsa" run smollm2 --temperature 0 --max-tokens 8 -p 'What is the capital of France?'
[[ -s $work/out ]] || fail "no answer"
stayed
on 0 inside "$dsa" chat smollm2 --temperature 0 --max-tokens 8 <<<'What is the capital of France?'
[[ -s $work/out ]] || fail "no answer"
stayed
printf '{"id": "a", "prompt": "2 + 2?", "number": 4}\n' >"$work/some.jsonl"
on 0 inside "$dsa" compare smollm2 smollm2:dense --prompts "$work/some.jsonl" --max-tokens 8
stdout_has "1 of 1 prompts"
stayed

# a server, with keys and a bill, its clients, and its end
cat >"$work/served.sh" <<'SHELL'
set -euo pipefail
dsa=$1 work=$2 root=$3
export DSA_API_KEY
DSA_API_KEY=$("$dsa" keys create --owner anna --deposit 5 --role admin --ledger "$work/accounts.db")
"$dsa" serve smollm2 --ctx 2048 --port 0 --ledger "$work/accounts.db" 2>"$work/server" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
source "$root/tests/wait_for_server.sh"
wait_for_server "$work/server" "$server"
ask() { curl -sSf -H "Authorization: Bearer $DSA_API_KEY" "$url$1" "${@:2}"; }
question='"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 8'
ask /v1/chat/completions -d "{$question}"
ask /v1/chat/completions -d "{$question, \"stream\": true}"
ask /v1/messages -d "{$question}"
ask /v1/responses -d '{"input": "Hello!", "max_output_tokens": 4}'
ask /v1/chat/completions -d "{$question, \"response_format\": {\"type\": \"json_object\"}}"
ask / >/dev/null
ask /metrics >/dev/null
"$dsa" ps "$url"
"$dsa" connect claude "$url"
DSA_KEY_A=$DSA_API_KEY "$dsa" compare "$url#smollm2" smollm2:dense --prompts "$work/some.jsonl" --max-tokens 8
"$dsa" usage --ledger "$work/accounts.db"
kill -TERM "$server"
wait "$server"
SHELL
on 0 inside bash "$work/served.sh" "$dsa" "$work" "$root"
for part in '"chat.completion"' '[DONE]' '"end_turn"\|"max_tokens"' '"object":"response"' stays ANTHROPIC_BASE_URL "1 of 1 prompts" anna; do
  grep -q -- "$part" "$work/out" || fail "stdout lacks: $part"
done
grep -q 'sa_family=AF_INET,.*127\.0\.0\.1' "$work/calls" || fail "no client was seen"
stayed
finish
