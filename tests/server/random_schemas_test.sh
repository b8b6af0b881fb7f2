# Random schemas, and what a model of random weights answers to them.
source "$(dirname "$0")/lib.sh"

environment hypothesis 6.170.17 jsonschema==4.26.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/tests/cli/make_text_model" chat "$here/../goldens/models/llama_gqa" "$work/model"
"$venv/bin/python" "$here/random_schemas_test.py" "$build/dsa" "$work/model"
