# The `openai` package as a client of the server.
source "$(dirname "$0")/lib.sh"

environment openai 2.8.1
exec "$venv/bin/python" "$here/openai_client_test.py" "$serve_script"
