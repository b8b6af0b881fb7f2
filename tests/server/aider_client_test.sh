# A session of `aider`, which mends a program.
source "$(dirname "$0")/lib.sh"

environment aider-chat 0.86.2
exec "$venv/bin/python" "$here/aider_client_test.py" "$serve_script" "$build/dsa"
