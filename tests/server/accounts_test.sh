# Keys, bills and tenants over a real model: what one owner's prompt has left in the cache no other one finds.
source "$(dirname "$0")/lib.sh"

unset DSA_SERVE_LEDGER
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/tests/cli/make_text_model" chat "$here/../goldens/models/deepseek_v32" "$work/model"
DSA_HOME=$work/home python3 "$here/accounts_test.py" "$build/dsa" "$work/model" "$work"
