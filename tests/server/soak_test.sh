# A server under load: what it holds afterwards is what it held before.  DSA_SOAK: for how many seconds (8).
source "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/tests/cli/make_text_model" chat "$here/../goldens/models/deepseek_v32" "$work/model"
python3 "$here/soak_test.py" "$build/dsa" "$work/model" "${DSA_SOAK:-8}"
