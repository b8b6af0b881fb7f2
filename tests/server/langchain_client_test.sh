# `langchain-openai` and `langchain-deepseek` as clients of the server.
source "$(dirname "$0")/lib.sh"

environment langchain-openai 1.7.4 langchain-deepseek==1.1.1 openai==3.57.0
exec "$venv/bin/python" "$here/langchain_client_test.py" "$serve_script" "$build/dsa"
