# The tokens that a schema permits, beside those of xgrammar's Python package.
source "$(dirname "$0")/lib.sh"

# Not what it asks for and does not need to fill a mask: torch with CUDA is 5 GB.
environment xgrammar 0.2.9 --no-deps apache-tvm-ffi==0.1.15.post2 numpy==2.4.6 pydantic==2.14.4 pydantic-core==2.50.5 \
  annotated-types==0.8.0 typing-extensions==4.16.0 typing-inspection==0.4.5 gguf==0.19.0 PyYAML==6.0.4 tqdm==4.70.1
model=$("$here/../../tools/fetch_model") || exit 1
"$venv/bin/python" "$here/grammar_masks_test.py" "$build/tests/server/grammar_masks" "$model"
