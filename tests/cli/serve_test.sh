# dsa serve: settings from three places, a real model over TCP, TLS and a Unix socket, and its end.
source "$(dirname "$0")/lib.sh"

# what is typed goes before a variable, a variable before the file
printf 'port = 7001\nhost = "::1"\ndrain = 5\nallow_origin = ["http://a", "http://b"]\nlog_requests = true\n' >"$work/serve.toml"
on 0 env DSA_SERVE_PORT=7002 DSA_SERVE_DRAIN=6 "$dsa" serve --config "$work/serve.toml" --drain 7 --print-config
stdout_has 'port = "7002"'
stdout_has 'host = "::1"'
stdout_has 'drain = "7"'
stdout_has 'allow_origin = ["http://a","http://b"]'
stdout_has 'log_requests = "true"'
stdout_has 'model = "smollm2"'
stdout_has '# tls_cert ='
cp "$work/out" "$work/printed.toml"
on 0 "$dsa" serve --config "$work/printed.toml" --print-config
same "$work/out" "$work/printed.toml"
on 0 env DSA_SERVE_CONFIG="$work/serve.toml" "$dsa" serve --print-config
stdout_has 'port = "7001"'

# it is to be shown to others, so it has no password
on 0 "$dsa" serve --ledger 'postgresql://anna:secret@db/bills' --print-config
stdout_has 'ledger = "postgresql://anna:***@db/bills"'

# what is wrong in them is wrong usage, and says where
on 2 env DSA_SERVE_PRT=1 "$dsa" serve --print-config
stderr_has DSA_SERVE_PRT
on 2 env DSA_SERVE_PORT=x "$dsa" serve --print-config
stderr_has "DSA_SERVE_PORT: "
printf 'prt = 1\n' >"$work/unknown.toml"
on 2 "$dsa" serve --config "$work/unknown.toml" --print-config
stderr_has '"prt"'
printf 'port = [[1]]\n' >"$work/nested.toml"
on 2 "$dsa" serve --config "$work/nested.toml" --print-config
stderr_has "nested.toml: port"
printf 'port = \n' >"$work/broken.toml"
refused "broken.toml:1: " "$dsa" serve --config "$work/broken.toml" --print-config
refused "none.toml" "$dsa" serve --config "$work/none.toml" --print-config
refused "a \`tls_key\`" "$dsa" serve smollm2 --port 0 --tls-cert "$work/serve.toml"

# started OPTION...: a server in the background; $server is its process, $port where it listens.
started() {
  "$dsa" serve smollm2 --port 0 "$@" 2>"$work/server" &
  server=$!
  wait_for_server "$work/server" "$server"
  port=$(sed -n 's/.*serving at [a-z]*:.*:\([0-9]*\)$/\1/p' "$work/server")
  [[ -n $port ]] || fail "no server: $(cat "$work/server")"
}
# ended: SIGTERM ends it, with status 0.
ended() {
  checks=$((checks + 1))
  kill -TERM "$server"
  wait "$server"
  status=$?
  [[ $status == 0 ]] || fail "the server's status is $status, expected 0: $(cat "$work/server")"
}

# an answer of the server is that of dsa run
question='What is the capital of France?'
on 0 "$dsa" run smollm2 --json --temperature 0 --max-tokens 12 -p "$question"
"$json_value" /text <"$work/out" >"$work/text"
started --unix-socket "$work/dsa.sock"
body='{"messages": [{"role": "user", "content": "'$question'"}], "temperature": 0, "max_tokens": 12}'
on 0 python3 - "$port" "$work/dsa.sock" "$body" "$work/text" <<'PYTHON'
import http.client, json, socket, sys
port, path, body, text = int(sys.argv[1]), sys.argv[2], sys.argv[3], open(sys.argv[4]).read().rstrip("\n")
over_tcp = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
over_unix = http.client.HTTPConnection("localhost", timeout=60)
over_unix.sock = socket.socket(socket.AF_UNIX)
over_unix.sock.connect(path)
for connection in (over_tcp, over_unix):
    connection.request("POST", "/v1/chat/completions", body)
    answer = json.load(connection.getresponse())
    got = answer["choices"][0]["message"]["content"]
    assert got == text, (got, text)
    assert answer["model"] == "smollm2"
assert answer["usage"]["prompt_cache_hit_tokens"] > 0, "the second time it is in the cache"
# The model has a name more, under which it attends to everything.
for name, attention in (("smollm2", "sparse"), ("smollm2:dense", "dense")):
    words = " ".join(f"word{i}" for i in range(300))
    ask = {"model": name, "prompt": words, "max_tokens": 1}
    over_tcp.request("POST", "/v1/completions", json.dumps(ask))
    answer = json.load(over_tcp.getresponse())
    assert answer["usage"]["prompt_tokens"] > 512 and answer["model"] == name, answer
    assert answer["usage"]["dsa"]["attention"] == attention, answer
PYTHON
on 0 "$dsa" ps "unix:$work/dsa.sock"
stdout_has smollm2
refused "another server listens there" "$dsa" serve smollm2 --host none --unix-socket "$work/dsa.sock"
refused "port $port" "$dsa" serve smollm2 --port "$port"
ended

# several models, each by its own name
ours=$root/models/tiny-v32
refused "two models are called" "$dsa" serve "$ours" "$ours/" --port 0
on 2 "$dsa" serve smollm2 tiny-v32 --name one --port 0
cat >"$work/versions.toml" <<'TOML'
[versions."v3_expires_on_29991231"]
model = "smollm2:dense"
TOML
started tiny-v32 --ctx 1024 --config "$work/versions.toml"
on 0 python3 - "$port" <<'PYTHON'
import json, sys, urllib.request
url = f"http://127.0.0.1:{sys.argv[1]}/v1"
ids = [model["id"] for model in json.load(urllib.request.urlopen(url + "/models"))["data"]]
assert ids == ["smollm2", "smollm2:dense", "tiny-v32", "tiny-v32:dense"], ids
for name in ids:
    body = json.dumps({"model": name, "prompt": "Once", "max_tokens": 2}).encode()
    answer = json.load(urllib.request.urlopen(url + "/completions", body))
    assert answer["model"] == name and answer["usage"]["completion_tokens"] == 2, answer
# An older model by its path, whichever the request names.
old = urllib.request.urlopen(url.replace("/v1", "/v3_expires_on_29991231/v1") + "/completions", body)
answer = json.load(old)
assert answer["model"] == "smollm2:dense" and old.headers["Sunset"].startswith("Wed, 01 Jan 3000"), answer
PYTHON
ended

# TLS, with a certificate that is replaced while it runs
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
    -addext "subjectAltName=IP:127.0.0.1" -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
}
certificate first
started --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
cat >"$work/tls.py" <<'PYTHON'
import http.client, ssl, sys
trusted = ssl.create_default_context(cafile=sys.argv[2])
connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), timeout=30, context=trusted)
for _ in range(2):
    connection.request("GET", "/ready")
    assert connection.getresponse().read() == b'{"status":"ready"}\n'
print(dict(x[0] for x in connection.sock.getpeercert()["subject"])["commonName"])
PYTHON
on 0 python3 "$work/tls.py" "$port" "$work/cert.pem"
stdout_is first
on 0 env SSL_CERT_FILE="$work/cert.pem" "$dsa" ps "https://127.0.0.1:$port"
stdout_has smollm2
refused "certificate verify failed" "$dsa" ps "https://127.0.0.1:$port"
certificate second
kill -HUP "$server"
for _ in $(seq 50); do
  python3 "$work/tls.py" "$port" "$work/cert.pem" >/dev/null 2>&1 && break
  sleep 0.1
done
on 0 python3 "$work/tls.py" "$port" "$work/cert.pem"
stdout_is second
echo "no certificate" >"$work/cert.pem"
kill -HUP "$server"
sleep 0.3
grep -q "stays as it was" "$work/server" || fail "a certificate that cannot be read is not said"
ended
finish
