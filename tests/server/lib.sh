# Sourced by the tests here: server.NAME is `bash NAME_test.sh SERVE_SCRIPT BUILD`.
set -uo pipefail
export DSA_SERVE_LEDGER=none # whoever runs the tests may have keys
serve_script=$1
build=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../wait_for_server.sh"

# environment PACKAGE VERSION [MORE...]: a Python environment with it, and what else pip is told, at $venv.  Made once, below
# the build folder; afterwards it needs no network.  If PyPI is not reached the test is skipped, and says so.
environment() {
  venv=$build/venv-$1-$2
  [[ -e $venv/complete ]] && return
  rm -rf "$venv"
  if python3 -m venv "$venv" >"$venv.log" 2>&1 &&
    "$venv/bin/pip" install -q --disable-pip-version-check "$1==$2" "${@:3}" >>"$venv.log" 2>&1; then
    touch "$venv/complete"
    return
  fi
  tail -n 3 "$venv.log"
  echo "SKIPPED: $1 $2 cannot be installed: PyPI is not reached, or python3-venv is missing"
  exit 77
}

# serve SCRIPT: a server that plays the script, at $url, until the test ends; a folder of its own is $work.
serve() {
  work=$(mktemp -d)
  echo "$1" >"$work/script.json"
  "$serve_script" "$work/script.json" 0 2>"$work/err" &
  server=$!
  trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
  wait_for_server "$work/err" "$server" && return
  echo "FAILED: the server did not start"
  exit 1
}
