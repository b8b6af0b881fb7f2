# `instructor` as a client of the server.
source "$(dirname "$0")/lib.sh"

environment instructor 1.17.0 openai==3.3.0
exec "$venv/bin/python" "$here/instructor_client_test.py" "$serve_script" "$build/dsa"
