# share/deploy: each metric of the dashboard is one of the server's, and the unit is as closed as it says.
source "$(dirname "$0")/lib.sh"

serve '{"answers": [{"text": "Hello!"}]}'
python3 - "$url" "$here/../../share/deploy" <<'PYTHON' || exit 1
import json, re, sys, tomllib, urllib.request
url, deploy = sys.argv[1:]
body = json.dumps({"messages": [{"role": "user", "content": "hi"}]}).encode()
urllib.request.urlopen(url + "/v1/chat/completions", body).read()
page = urllib.request.urlopen(url + "/metrics").read().decode()
there = {}
for line in page.splitlines():
    found = re.match(r"([a-z0-9_:]+)(?:\{(.*)\})? \S+$", line)
    if found:
        there.setdefault(found[1], set()).update(re.findall(r'(\w+)="', found[2] or ""))
# Those of keys are there where keys are asked for: src/server/gate_test.cpp looks at them.
there["dsa_cost_total"] = {"key", "model_name", "currency"}
dashboard = json.load(open(deploy + "/grafana.json"))
names, ids = set(), set()
for panel in dashboard["panels"]:
    ids.add(panel["id"])
    for target in panel["targets"]:
        for name, labels in re.findall(r"(dsa_\w+)(?:\{([^}]*)\})?", target["expr"]):
            names.add(name)
            assert name in there, f"{panel['title']}: there is no metric {name}"
            for label in re.findall(r"(\w+)=", labels):
                assert label in there[name], f"{panel['title']}: {name} has no label {label}"
assert len(names) > 15 and len(ids) == len(dashboard["panels"]), names
config = tomllib.load(open(deploy + "/serve.toml", "rb"))
assert config["models"], config
print(f"{len(names)} metrics of the dashboard are there")
PYTHON
if command -v systemd-analyze >/dev/null; then
  systemd-analyze security --offline=true --threshold=20 --no-pager "$here/../../share/deploy/dsa.service" >"$work/security" || {
    tail -n 1 "$work/security"
    echo "FAILED: the unit may do more than it should"
    exit 1
  }
fi
# The configuration that the unit starts with is one.
sed "s|/var/lib/dsa|$work|" "$here/../../share/deploy/serve.toml" >"$work/serve.toml"
DSA_SERVE_LEDGER='' "$build/dsa" serve --config "$work/serve.toml" --print-config >"$work/out" || exit 1
grep -q 'max_per_client = "4096"' "$work/out" || {
  echo "FAILED: serve.toml is not what is served"
  exit 1
}
