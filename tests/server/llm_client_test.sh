# `llm` as a client of the server.
source "$(dirname "$0")/lib.sh"

environment llm 0.36 openai==3.57.0
exec "$venv/bin/python" "$here/llm_client_test.py" "$serve_script" "$build/dsa"
