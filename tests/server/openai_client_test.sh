# The `openai` package as a client of the server.  Its environment is made once, below the build folder: afterwards it
# needs no network.  Without it and without PyPI the test is skipped, and says so.
set -uo pipefail
serve_script=$1
build=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$build/openai-venv
want=2.8.1

have() { [[ $("$venv/bin/python" -c 'import openai; print(openai.__version__)' 2>/dev/null) == "$want" ]]; }
if ! have; then
  rm -rf "$venv"
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check "openai==$want"; } >"$venv.log" 2>&1; then
    tail -n 3 "$venv.log"
    echo "SKIPPED: openai $want cannot be installed: PyPI is not reached, or python3-venv is missing"
    exit 77
  fi
fi
exec "$venv/bin/python" "$here/openai_client_test.py" "$serve_script"
