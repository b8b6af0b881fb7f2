# lm-eval's log-likelihood tasks through /v1/completions: its harness finds which of two endings is the likelier.
source "$(dirname "$0")/lib.sh"

environment "lm-eval[api]" 0.4.13
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
"$build/dsa" serve smollm2 --port 0 --ctx 1024 --disk-cache 0 2>"$work/err" &
server=$!
wait_for_server "$work/err" "$server" || exit 1
python3 "$here/lm_eval_test.py" "$venv/bin/lm_eval" "$url" "$work"
