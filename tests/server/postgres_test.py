"""Two servers, one ledger in PostgreSQL, and clients that race for the last credit.

    postgres_test.py SERVE_SCRIPT DSA FOLDER URL PID_OF_POSTGRES
"""

import concurrent.futures
import csv
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time

SERVE, DSA, FOLDER, URL = sys.argv[1:5]
LENGTH = 40  # tokens of an answer, one a letter
SCRIPT = {"context": 1000, "answers": [{"when": "slow", "text": "x" * 500, "token_ms": 50}, {"text": "x" * LENGTH, "token_ms": 1}]}


def dsa(*arguments):
    return subprocess.run([DSA, *arguments, "--ledger", URL], check=True, capture_output=True, text=True).stdout


def micro(amount):
    return round(float(amount) * 1e6)


class Server:
    def __init__(self):
        self.process = subprocess.Popen([SERVE, os.path.join(FOLDER, "script.json"), "0", "5", URL], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "http://" in line:
                self.address = line.split("http://")[1].strip()
                return
        sys.exit("FAILED: the server did not start")

    def connect(self):
        return http.client.HTTPConnection(self.address, timeout=60)

    def ask(self, key, text="hi", stream=False):
        connection = self.connect()
        most = 500 if stream else LENGTH
        body = json.dumps({"messages": [{"role": "user", "content": text}], "stream": stream, "max_tokens": most})
        connection.request("POST", "/v1/chat/completions", body, {"Authorization": "Bearer " + key})
        return connection.getresponse()

    def cost(self, key):
        """Of an answer, in millionths; the status if there was none."""
        answer = self.ask(key)
        document = json.load(answer)
        return (200, micro(document["usage"]["dsa"]["cost"])) if answer.status == 200 else (answer.status, 0)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()
        self.process.stderr.close()


def expect(got, wanted, what=""):
    if got != wanted:
        sys.exit(f"FAILED: line {sys._getframe(1).f_lineno}: {what} {got!r}, expected {wanted!r}")


def rows(key):
    """Of the log of requests."""
    return [row for row in csv.DictReader(io.StringIO(dsa("usage", "--requests", "--key", key[4:12]))) if row["model"]]


def balance(key):
    return next(one for one in json.loads(dsa("keys", "list", "--json"))["keys"] if one["id"] == key[4:12])


def race(servers):
    """Both servers, twelve clients, credit for a few answers: 402 is the end of it, and nobody pays twice."""
    rich = dsa("keys", "create").strip()
    price = servers[0].cost(rich)[1]
    if price <= 0:
        sys.exit("FAILED: an answer costs nothing: the test shows nothing")
    deposit = price * 20
    key = dsa("keys", "create", "--deposit", f"{deposit / 1e6:.6f}").strip()

    def client(number):
        out = []
        while not out or out[-1][0] == 200:
            out.append(servers[number % 2].cost(key))
        return out

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = [one for many in pool.map(client, range(12)) for one in many]
    # What others held was refused to some: what came back of it goes now.
    answers += client(0)
    expect({status for status, _ in answers}, {200, 402}, "statuses")
    paid = sum(cost for _, cost in answers)
    told = balance(key)
    expect(micro(told["spent"]), paid, "what clients were told")
    expect(micro(told["balance"]), deposit - paid)
    if not 0 <= deposit - paid < price:
        sys.exit(f"FAILED: {deposit - paid} of {deposit} are left, an answer costs {price}")
    ledger = rows(key)
    expect(len(ledger), sum(status == 200 for status, _ in answers), "rows")
    expect({row["status"] for row in ledger}, {"done"})
    expect(sum(micro(row["cost"]) for row in ledger), paid)


def kill_one(servers):
    """Rows of the one that dies are ended by the other, with what its client had; those of the other go on."""
    key = dsa("keys", "create", "--deposit", "1").strip()
    dying, living = servers[0].ask(key, "slow", stream=True), servers[1].ask(key, "slow", stream=True)
    seen = {dying: b"", living: b""}
    for answer in (dying, living):
        while seen[answer].count(b'"x"') < 5:
            seen[answer] += answer.readline()
    servers[0].end(signal.SIGKILL)
    deadline = time.monotonic() + 40
    while sorted(row["status"] for row in rows(key)) != ["killed", "open"]:
        if time.monotonic() > deadline:
            sys.exit(f"FAILED: rows are {[row['status'] for row in rows(key)]}")
        time.sleep(0.5)
    killed = next(row for row in rows(key) if row["status"] == "killed")
    if int(killed["output"]) < 5:
        sys.exit("FAILED: fewer tokens are billed than were delivered")
    living.close()
    while "open" in [row["status"] for row in rows(key)]:
        if time.monotonic() > deadline:
            sys.exit("FAILED: the row of a client that left stays open")
        time.sleep(0.2)
    expect(micro(balance(key)["balance"]), 1_000_000 - sum(micro(row["cost"]) for row in rows(key)))


def lose_the_connection(server, key):
    """The database ends every connection: the next request finds a new one."""
    subprocess.run(["psql", URL, "-qAtc", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"], check=True, capture_output=True)
    expect(server.cost(key)[0], 200)
    dsa("keys", "revoke", key[4:12])
    expect(server.cost(key)[0], 401)


def main():
    with open(os.path.join(FOLDER, "script.json"), "w") as file:
        json.dump(SCRIPT, file)
    key = dsa("keys", "create").strip()
    servers = [Server(), Server()]
    race(servers)
    lose_the_connection(servers[1], key)
    kill_one(servers)
    key = dsa("keys", "create").strip()
    os.kill(int(sys.argv[5]), signal.SIGINT)
    deadline = time.monotonic() + 20
    while (status := servers[1].cost(key)[0]) != 503:
        if time.monotonic() > deadline:
            sys.exit(f"FAILED: without its ledger the server answers {status}")
    servers[1].end()
    print("two servers, one ledger: as it should be")


main()
