# The ledger of a server that is killed under load.  DSA_KILLS: how often (5).
source "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/ledger_kill_test.py" "$serve_script" "$build/dsa" "$work" "${DSA_KILLS:-5}"
