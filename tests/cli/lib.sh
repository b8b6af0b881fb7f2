# Sourced by the tests here: cli.NAME is `bash NAME_test.sh DSA TOOLS`, TOOLS being where json_value and the like are.
set -uo pipefail
export DSA_DISK_CACHE=0 # what one test reads the next shall not find
export DSA_SERVE_LEDGER=none # whoever runs the tests may have keys
dsa=$1
tools=$2
json_value=$tools/json_value
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tiny=$root/tests/goldens/models
source "$root/tests/wait_for_server.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checks=0 failures=0

fail() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n' "$*"
  printf '  status %s\n  stdout: %s\n  stderr: %s\n' "${status:-}" "$(head -c 600 "$work/out")" "$(head -c 600 "$work/err")"
}

# on STATUS COMMAND...: runs it with what is on stdin; stdout and stderr are left in $work/out and $work/err.
on() {
  local expected=$1
  shift
  checks=$((checks + 1))
  "$@" >"$work/out" 2>"$work/err"
  status=$?
  [[ $status == "$expected" ]] || fail "status $status, expected $expected: $*"
}
stdout_has() { grep -qF -- "$1" "$work/out" || fail "stdout lacks: $1"; }
stderr_has() { grep -qF -- "$1" "$work/err" || fail "stderr lacks: $1"; }
stdout_is() { [[ $(cat "$work/out") == "$1" ]] || fail "stdout is not: $1"; }
stdout_empty() { [[ ! -s $work/out ]] || fail "stdout is not empty"; }
stderr_empty() { [[ ! -s $work/err ]] || fail "stderr is not empty"; }
# One line that starts with "dsa: ".
stderr_is_one_line() {
  [[ $(wc -l <"$work/err") == 1 && $(cat "$work/err") == "dsa: "* ]] || fail "stderr is not one line 'dsa: ...'"
}
# json POINTER EXPECTED
json() {
  local value
  value=$("$json_value" "$1" <"$work/out") || fail "stdout is no JSON with $1"
  [[ $value == "$2" ]] || fail "$1 is $value, expected $2"
}
# refused PART COMMAND...: status 1 and one line that has PART.
refused() {
  local part=$1
  shift
  on 1 "$@"
  stderr_is_one_line
  stderr_has "$part"
}
same() {
  checks=$((checks + 1))
  cmp "$1" "$2" || fail "$1 and $2 differ"
}
# needs_libtorch VERB: in a build without it, whose message is looked at, the test is over.
needs_libtorch() {
  "$dsa" train "$1" --help >"$work/out" 2>"$work/err" && return
  refused "tools/setup.sh train" "$dsa" train "$1" --help
  refused "tools/setup.sh train" "$dsa" train "$1" --out "$work/x" --ctx 64
  finish
  exit
}
# some_text FOLDER: three documents to train on.  No change to the docs changes them, and with them what a test sees.
some_text() {
  mkdir "$1"
  cp "$root/LICENSE" "$1"
  split -n l/1/8 "$root/tests/goldens/smollm2/text.txt" >"$1/one.txt"
  split -n l/5/8 "$root/tests/goldens/smollm2/text.txt" >"$1/two.txt"
}
# steps_are FOLDER N: waits until the log of a training in the background has N lines.
steps_are() {
  for _ in $(seq 1200); do
    [[ -e $1/train_log.jsonl && $(wc -l <"$1/train_log.jsonl") -ge $2 ]] && return
    sleep 0.05
  done
  fail "no step $2 in $1"
}
# killed FOLDER N ALL COMMAND...: kill -9 once its log has N lines, which must come before ALL.
killed() {
  local folder=$1 n=$2 all=$3 victim
  "${@:4}" 2>/dev/null >/dev/null &
  victim=$!
  steps_are "$folder" "$n"
  kill -9 "$victim"
  wait "$victim" 2>/dev/null
  [[ $(wc -l <"$folder/train_log.jsonl") -lt $all ]] || fail "the training was over before it was killed"
}
# one_weight_changed FILE: of a safetensors file, in its first tensor.
one_weight_changed() {
  local behind_header=$(($(od -An -t u8 -N 8 "$1") + 8))
  printf 'x' | dd of="$1" bs=1 seek=$behind_header conv=notrunc status=none
}
# interrupted FOLDER COMMAND...: Ctrl-C after a step.
interrupted() {
  local folder=$1 victim
  "${@:2}" 2>/dev/null >/dev/null &
  victim=$!
  steps_are "$folder" 1
  kill -INT "$victim"
  wait "$victim"
  status=$?
  [[ $status == 130 ]] || fail "an interrupted training ends with $status"
}
# disk_fills MIB COMMAND...: with --out on a disk of so many MiB it fails, and leaves a whole checkpoint.
disk_fills() {
  mkdir "$work/full"
  if mount -t tmpfs -o size="$1m" tmpfs "$work/full" 2>/dev/null; then
    trap 'umount -l "$work/full"; rm -rf "$work"' EXIT
    refused "No space left" "${@:2}" --out "$work/full"
    on 0 python3 -c 'import sys; assert open(sys.argv[1], "rb").read(8)' "$work/full/checkpoint.safetensors"
  else
    echo "skipped: a full disk (no right to mount one)"
  fi
}
# hours_became_tokens CHECKPOINT KEY
hours_became_tokens() {
  checks=$((checks + 1))
  python3 - "$@" <<'PYTHON' || fail "--hours was not turned into tokens"
import json, struct, sys
data = open(sys.argv[1], "rb").read()
about = json.loads(json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"][sys.argv[2]])["progress"]
assert about["budget"] > 0 and about["tokens"] >= about["budget"], about
PYTHON
}
# poison CHECKPOINT COPY KEY TENSOR: a copy with a NaN in the tensor, and as much to train again.
poison() {
  python3 - "$@" <<'PYTHON' || fail "no poisoned checkpoint"
import json, struct, sys
source, copy, key, tensor = sys.argv[1:]
data = bytearray(open(source, "rb").read())
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
begin = header[tensor]["data_offsets"][0]
data[8 + size + begin:8 + size + begin + 4] = struct.pack("<f", float("nan"))
about = json.loads(header["__metadata__"][key])
about["progress"]["budget"] *= 2
header["__metadata__"][key] = json.dumps(about)
text = json.dumps(header).encode()
open(copy, "wb").write(struct.pack("<Q", len(text)) + text + data[8 + size:])
PYTHON
}
finish() {
  printf '%d commands, %d failures\n' "$checks" "$failures"
  ((failures == 0 && checks > 0)) || exit 1
}
