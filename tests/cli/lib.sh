# Sourced by the tests here: cli.NAME is `bash NAME_test.sh DSA TOOLS`, TOOLS being where json_value and the like are.
set -uo pipefail
dsa=$1
tools=$2
json_value=$tools/json_value
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tiny=$root/tests/goldens/models
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
finish() {
  printf '%d commands, %d failures\n' "$checks" "$failures"
  ((failures == 0 && checks > 0)) || exit 1
}
