"""Keys, bills and tenants over a real model.

    accounts_test.py DSA MODEL FOLDER
"""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

DSA, MODEL, FOLDER = sys.argv[1:4]
PROMPT = "It was the best of times, it was the worst of times, it was the age of wisdom. " * 3


def dsa(*arguments):
    return subprocess.run([DSA, *arguments], check=True, capture_output=True, text=True).stdout


class Server:
    def __init__(self, *options):
        command = [DSA, "serve", MODEL, "--port", "0", "--cache-ram", "1", "--name", "m", "--threads", "1", "--chat-format", "chatml", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ, DSA_DISK_CACHE="8"))
        for line in self.process.stderr:
            if "http://" in line:
                self.url = "http://" + line.split("http://")[1].strip()
                return
        sys.exit("FAILED: the server did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.process.stderr.close()

    def ask(self, key, path="/v1/completions", body=None):
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = "Bearer " + key
        data = json.dumps(body).encode() if body else None
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers)) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def hits(self, key, prompt=PROMPT):
        status, answer = self.ask(key, body={"model": "m", "prompt": prompt, "max_tokens": 4, "temperature": 0})
        expect(status, 200)
        return answer["usage"]["prompt_cache_hit_tokens"], answer["usage"]


def expect(got, wanted):
    if got != wanted:
        sys.exit(f"FAILED: line {sys._getframe(1).f_lineno}: {got!r}, expected {wanted!r}")


def main():
    with Server() as server:  # nobody made a key: nobody is asked for one
        expect(server.ask(None, "/v1/models")[0], 200)
        expect(server.ask(None, "/user/balance")[0], 404)
    anna = dsa("keys", "create", "--owner", "anna", "--deposit", "1").strip()
    also_anna = dsa("keys", "create", "--owner", "anna").strip()
    bert = dsa("keys", "create", "--owner", "bert").strip()
    root = dsa("keys", "create", "--role", "admin").strip()
    config = os.path.join(FOLDER, "serve.toml")
    with open(config, "w") as file:
        file.write('[prices]\ncurrency = "CNY"\n[prices.m]\nhit = 0.5\nmiss = 2\noutput = "3"\n')
    with Server("--config", config) as server:
        expect(server.ask(None, "/v1/models")[0], 401)
        expect(server.ask(None, "/health")[0], 200)
        expect(server.hits(anna)[0], 0)
        found, usage = server.hits(anna)
        if found == 0:
            sys.exit("FAILED: what anna asked a second time is not in the cache: the test shows nothing")
        expect(server.hits(also_anna)[0], found)
        expect(server.hits(bert)[0], 0)
        expect(server.hits(bert)[0], found)
        exact = found * 500_000 + usage["prompt_cache_miss_tokens"] * 2_000_000 + usage["completion_tokens"] * 3_000_000
        expect(round(usage["dsa"]["cost"] * 1e6), -(-exact // 1_000_000))
        expect(usage["dsa"]["currency"], "CNY")
        expect(server.ask(anna, "/admin/usage")[0], 403)
        rows = server.ask(root, "/admin/usage")[1]["data"]
        expect(sorted(row["requests"] for row in rows), [1, 2, 2])
        balance = server.ask(anna, "/user/balance")[1]["balance_infos"][0]
        spent = sum(float(row["cost"]) for row in rows if row["key"] == anna[4:12])
        expect(round(float(balance["total_balance"]) * 1e6), 1_000_000 - round(spent * 1e6))
        dsa("keys", "revoke", bert[4:12])
        expect(server.ask(bert, "/v1/models")[0], 401)
    with Server("--config", config) as server:  # from the disk, too, where whole pages lie
        expect(server.hits(also_anna)[0], found // 64 * 64)
        expect(server.hits(root)[0], 0)
    with Server("--config", config, "--cache-share") as server:
        fresh = PROMPT[::-1]
        expect(server.hits(anna, fresh)[0], 0)
        expect(server.hits(root, fresh)[0], found)
    lines = dsa("usage", "--by", "key", "--csv").splitlines()
    expect(lines[0], "key,owner,requests,hit,miss,output,cost,currency")
    expect(len(lines), 5)
    expect(json.loads(dsa("usage", "--by", "model", "--json"))["data"][0]["requests"], 9)
    for text in (open(os.path.join(os.environ["DSA_HOME"], "accounts.db"), "rb").read().decode("latin-1"), dsa("usage", "--requests")):
        if "best of times" in text or re.search("dsa-[0-9a-f]{8}-", text):
            sys.exit("FAILED: the ledger holds a prompt or a key")
    print("keys, bills and tenants are as they should be")


main()
