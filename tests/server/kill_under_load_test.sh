# The server and its pages on disk, killed under load.  DSA_KILLS: how often (20).
source "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/tests/cli/make_text_model" chat "$here/../goldens/models/deepseek_v32" "$work/model"
python3 "$here/kill_under_load_test.py" "$build/dsa" "$work/model" "$work" "${DSA_KILLS:-20}"
