# Sourced by the tests here: server.NAME is `bash NAME_test.sh SERVE_SCRIPT BUILD`.
set -uo pipefail
serve_script=$1
build=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# environment PACKAGE VERSION: a Python environment with it at $venv.  Made once, below the build folder; afterwards it
# needs no network.  If PyPI is not reached the test is skipped, and says so.
environment() {
  venv=$build/venv-$1-$2
  [[ -e $venv/complete ]] && return
  rm -rf "$venv"
  if python3 -m venv "$venv" >"$venv.log" 2>&1 &&
    "$venv/bin/pip" install -q --disable-pip-version-check "$1==$2" >>"$venv.log" 2>&1; then
    touch "$venv/complete"
    return
  fi
  tail -n 3 "$venv.log"
  echo "SKIPPED: $1 $2 cannot be installed: PyPI is not reached, or python3-venv is missing"
  exit 77
}
