"""kill -9 at any moment, while clients are answered: every token that one of them got is billed, none twice, and what a
key has left is what was paid in less what its rows say.

    ledger_kill_test.py SERVE_SCRIPT DSA FOLDER KILLS
"""

import concurrent.futures
import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

SERVE, DSA, FOLDER, KILLS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
LEDGER = os.path.join(FOLDER, "accounts.db")
DEPOSIT = 1000
LENGTH = 60  # tokens of an answer, one a letter
CLIENTS = 6
SCRIPT = {"context": 1000, "answers": [{"when": "fails", "text": "x" * 20, "token_ms": 2, "error": "scripted"}, {"text": "x" * LENGTH, "token_ms": 2}]}


def keys(*arguments):
    return subprocess.run([DSA, "keys", *arguments, "--ledger", LEDGER], check=True, capture_output=True, text=True).stdout


class Server:
    def __init__(self):
        self.process = subprocess.Popen([SERVE, os.path.join(FOLDER, "script.json"), "0", "5", LEDGER], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "http://" in line:
                self.address = line.split("http://")[1].strip()
                return
        sys.exit("FAILED: the server did not start")

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait()
        self.process.stderr.close()


class Answer:
    """What a client saw of one request."""

    def __init__(self):
        self.id = None
        self.letters = 0
        self.complete = False
        self.cost = None


def take(answer, document):
    answer.id = document["id"]
    for choice in document["choices"]:
        answer.letters += (choice.get("delta") or choice.get("message") or {}).get("content", "").count("x")
    if document.get("usage"):
        answer.cost = document["usage"]["dsa"]["cost"]


def ask(address, key, stream, text, leave_at):
    answer = Answer()
    body = {"messages": [{"role": "user", "content": text}], "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": "Bearer " + key})
        response = connection.getresponse()
        if not stream:
            document = json.load(response)
            if response.status == 200:
                take(answer, document)
                answer.complete = True
            return answer
        failed = False
        for line in response:
            failed = failed or b'"error"' in line
            if line.startswith(b"data: {") and b'"error"' not in line:
                take(answer, json.loads(line[6:]))
            if line == b"data: [DONE]\n":
                answer.complete = not failed
            if answer.letters >= leave_at:
                break
    except (OSError, http.client.HTTPException, ValueError):
        pass  # killed
    finally:
        connection.close()
    return answer


def client(server, key, seed, answers, until):
    """Asks again as soon as it is answered; now and then it leaves in the middle."""
    draw = random.Random(seed)
    while time.monotonic() < until:
        text = "fails" if draw.random() < 0.1 else "hello"
        leave_at = draw.randint(1, LENGTH) if draw.random() < 0.2 else LENGTH + 1
        answers.append(ask(server.address, key, draw.random() < 0.7, text, leave_at))


def check(key_id, answers):
    database = sqlite3.connect(LEDGER)
    database.row_factory = sqlite3.Row
    rows = {}
    for row in database.execute("SELECT * FROM ledger"):
        if row["answer"] in rows:
            sys.exit(f"FAILED: {row['answer']} is billed twice")
        rows[row["answer"]] = row
        exact = row["hit"] * row["price_hit"] + row["miss"] * row["price_miss"] + row["output"] * row["price_output"]
        if row["cost"] != -(-exact // 1_000_000) or row["status"] == "open" or row["held"] != 0:
            sys.exit(f"FAILED: a row says {dict(row)}")
        if not 0 <= row["output"] <= LENGTH:
            sys.exit(f"FAILED: {row['output']} tokens are billed of an answer of {LENGTH}")
        if row["status"] in ("failed", "refused") and row["cost"] != 0:
            sys.exit(f"FAILED: what failed costs {row['cost']}")
    delivered = beyond = 0
    for answer in answers:
        if answer.id is None:
            continue
        row = rows.get(answer.id)
        if row is None:
            sys.exit(f"FAILED: {answer.id} was answered, and is not in the ledger")
        if answer.complete and (row["output"] != answer.letters or row["status"] != "done" or round(answer.cost * 1e6) != row["cost"]):
            sys.exit(f"FAILED: a client got {answer.letters} tokens for {answer.cost}, its row says {dict(row)}")
        if row["status"] != "failed" and row["output"] < answer.letters:
            sys.exit(f"FAILED: {answer.letters} tokens were delivered, {row['output']} are billed: {dict(row)}")
        delivered += answer.letters
        beyond += max(row["output"] - answer.letters, 0) if row["status"] == "killed" else 0
    cost = sum(row["cost"] for row in rows.values())
    totals = database.execute("SELECT SUM(cost), SUM(held) FROM totals").fetchone()
    if (totals[0], totals[1]) != (cost, 0):
        sys.exit(f"FAILED: the rows cost {cost}, the totals are {tuple(totals)}")
    listed = json.loads(keys("list", "--json"))["keys"][0]
    if listed["id"] != key_id or round(float(listed["balance"]) * 1e6) != DEPOSIT * 1_000_000 - cost:
        sys.exit(f"FAILED: the balance is {listed['balance']}, expected {DEPOSIT} less {cost} millionths")
    statuses = {}
    for row in rows.values():
        statuses[row["status"]] = statuses.get(row["status"], 0) + 1
    database.close()
    return statuses, delivered, beyond


def main():
    with open(os.path.join(FOLDER, "script.json"), "w") as script:
        json.dump(SCRIPT, script)
    made = json.loads(keys("create", "--owner", "anna", "--deposit", str(DEPOSIT), "--json"))
    draw = random.Random(1)
    answers = []
    for _ in range(KILLS):
        server = Server()
        until = time.monotonic() + draw.uniform(0.05, 0.7)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(client, server, made["key"], draw.random(), answers, until) for _ in range(CLIENTS)]
            time.sleep(max(until - time.monotonic() - draw.uniform(0, 0.05), 0))
            server.end(signal.SIGKILL)
            for one in clients:
                one.result()
    server = Server()  # ends what the last one left open
    whole = ask(server.address, made["key"], True, "hello", LENGTH + 1)
    if not whole.complete or whole.letters != LENGTH:
        sys.exit(f"FAILED: after all kills an answer has {whole.letters} tokens")
    answers.append(whole)
    server.end(signal.SIGTERM)
    statuses, delivered, beyond = check(made["id"], answers)
    if statuses.get("killed", 0) < KILLS / 2 or delivered == 0:
        sys.exit(f"FAILED: rows end as {statuses}, {delivered} tokens were delivered: the test shows nothing")
    print(f"{KILLS} kills: rows end as {statuses}; {delivered} tokens delivered, {beyond} more billed that were on their way")


main()
