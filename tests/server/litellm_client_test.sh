# `litellm` as a client of the server, and its bill beside the ledger's.
source "$(dirname "$0")/lib.sh"

environment litellm 1.110.2 openai==3.57.0
# Prices come from the test: none are fetched.
export LITELLM_LOCAL_MODEL_COST_MAP=True
exec "$venv/bin/python" "$here/litellm_client_test.py" "$serve_script" "$build/dsa"
