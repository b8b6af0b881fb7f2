"""kill -9 at any moment, while clients ask and pages are written: what is answered afterwards, from whatever pages have
survived, is what was answered the first time.

    kill_under_load_test.py DSA MODEL FOLDER KILLS
"""

import concurrent.futures
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

DSA, MODEL, FOLDER, KILLS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
TEXT = "All happy families are alike; each unhappy family is unhappy in its own way. "
WAYS = [{"attention": "dense"}, {"attention": "sparse"}, {"attention": "sparse", "top_k": 7}]


class Server:
    def __init__(self):
        home = os.path.join(FOLDER, "home")
        os.makedirs(home, exist_ok=True)
        environment = dict(os.environ, DSA_HOME=home, DSA_DISK_CACHE="8")
        command = [DSA, "serve", MODEL, "--port", "0", "--cache-ram", "1", "--name", "m", "--threads", "1", "--chat-format", "chatml"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        for line in self.process.stderr:
            if "http://" in line:
                self.url = "http://" + line.split("http://")[1].strip()
                return
        sys.exit("FAILED: the server did not start")

    def ask(self, request):
        """(text, tokens found on disk); None if the server died."""
        body = json.dumps(request).encode()
        headers = {"Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + "/v1/completions", body, headers)) as answer:
                document = json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            return None
        return document["choices"][0]["text"], document["usage"]["dsa"]["cache"]["disk_tokens"]

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()
        self.process.stderr.close()


def requests():
    """Prompts that share beginnings of many lengths."""
    draw = random.Random(1)
    for i in range(24):
        prompt = TEXT * draw.randint(1, 2) + str(i % 6) + TEXT[: draw.randint(1, 70)]
        yield {"model": "m", "prompt": prompt, "max_tokens": 12, "temperature": 0.8, "seed": i, "dsa": WAYS[i % len(WAYS)]}


def main():
    every = list(requests())
    server = Server()
    expected = [server.ask(request)[0] for request in every]
    server.kill(signal.SIGTERM)
    draw = random.Random(2)
    answered = found = 0
    for kill in range(KILLS):
        server = Server()
        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            order = draw.sample(range(len(every)), len(every))
            running = [(i, clients.submit(server.ask, every[i])) for i in order]
            time.sleep(draw.uniform(0, 0.4))
            server.kill()
            for i, answer in running:
                if answer.result() is None:
                    continue
                text, disk = answer.result()
                if text != expected[i]:
                    sys.exit(f"FAILED: after {kill} kills request {i} was answered {text!r}, at first {expected[i]!r}")
                answered += 1
                found += disk
    server = Server()
    for i, request in enumerate(every):
        text, disk = server.ask(request)
        if text != expected[i]:
            sys.exit(f"FAILED: after all kills request {i} was answered {text!r}, at first {expected[i]!r}")
        found += disk
    server.kill(signal.SIGTERM)
    if answered == 0 or found == 0:
        sys.exit(f"FAILED: {answered} answers between the kills, {found} tokens from disk: the test shows nothing")
    print(f"{KILLS} kills, {answered} answers between them, {found} tokens from disk: all as at first")


main()
