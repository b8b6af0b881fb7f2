# The `anthropic` package as a client of the server.
source "$(dirname "$0")/lib.sh"

environment anthropic 0.75.0
exec "$venv/bin/python" "$here/anthropic_client_test.py" "$serve_script"
