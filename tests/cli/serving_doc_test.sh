# docs/serving.md, "Ten minutes": what a newcomer types, typed.
source "$(dirname "$0")/lib.sh"

unset DSA_SERVE_LEDGER
models=${DSA_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/dsa}/models
mkdir -p "$work/home/dsa" "$work/bin"
ln -s "$models" "$work/home/dsa/models"
ln -s "$dsa" "$work/bin/dsa"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed -n '/^## Ten minutes/,/^## /s/^    //p' "$root/docs/serving.md" | sed "s/127\.0\.0\.1:8000/127.0.0.1:$port/g" >"$work/typed"
[[ $(wc -l <"$work/typed") -ge 8 ]] || fail "the section has no commands"
cd "$work" || exit 1
on 0 env HOME="$work/home" DSA_HOME="$work/home/dsa" PATH="$work/bin:$PATH" DSA_SERVE_PORT="$port" DSA_SERVE_CTX=2048 \
  timeout 120 bash -euo pipefail -c 'trap "kill %1 2>/dev/null || true" EXIT; source "$1"' _ "$work/typed"
stdout_has '"role":"assistant"'
stdout_has '"cost":'
stdout_has "anna"
stdout_has "stays"
on 0 "$json_value" /env/ANTHROPIC_BASE_URL <.claude/settings.local.json
stdout_is "http://127.0.0.1:$port"
finish
