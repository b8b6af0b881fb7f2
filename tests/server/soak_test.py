"""A server under many clients, half of whom go away in the middle: what it holds afterwards is what it held before.

    soak_test.py DSA MODEL SECONDS
"""

import http.client
import json
import os
import random
import re
import subprocess
import sys
import threading
import time

DSA, MODEL, SECONDS = sys.argv[1], sys.argv[2], float(sys.argv[3])
CLIENTS = 8
TEXT = "Everything was in confusion in the house of the Oblonskys. "


def start():
    environment = dict(os.environ, DSA_DISK_CACHE="0")
    command = [DSA, "serve", MODEL, "--port", "0", "--cache-ram", "1", "--name", "m", "--threads", "1"]
    process = subprocess.Popen(command + ["--chat-format", "chatml"], stderr=subprocess.PIPE, text=True, env=environment)
    for line in process.stderr:
        if "http://" in line:
            host, port = line.split("http://")[1].strip().split(":")
            return process, host, int(port)
    sys.exit("FAILED: the server did not start")


def metrics(host, port):
    connection = http.client.HTTPConnection(host, port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return {name: float(value) for name, value in re.findall(r"^(dsa_[a-z_]+)(?:{[^}]*})? ([0-9.e+-]+)$", text, re.M)}


def client(host, port, number, end, counts):
    draw = random.Random(number)
    while time.monotonic() < end:
        connection = http.client.HTTPConnection(host, port, timeout=60)
        prompt = TEXT * draw.randint(1, 3) + TEXT[: draw.randint(0, 50)]
        body = {"model": "m", "prompt": prompt, "max_tokens": draw.randint(1, 40), "stream": draw.random() < 0.7, "n": draw.randint(1, 2)}
        try:
            connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
            if draw.random() < 0.5:
                time.sleep(draw.uniform(0, 0.05))
                if draw.random() < 0.5:
                    connection.getresponse().read(1)
                counts["gone"] += 1
            else:
                connection.getresponse().read()
                counts["answered"] += 1
        finally:
            connection.close()


def burst(host, port, seconds, counts):
    end = time.monotonic() + seconds
    clients = [threading.Thread(target=client, args=(host, port, i, end, counts)) for i in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    for _ in range(100):  # those who left are noticed within a step
        now = metrics(host, port)
        if now["dsa_num_requests_running"] == 0 and now["dsa_num_requests_waiting"] == 0:
            return now
        time.sleep(0.1)
    sys.exit("FAILED: requests run on though every client has gone")


def descriptors_of(process):
    """The fewest within three seconds: a connection that its client has closed lingers for a while."""
    seen = []
    for _ in range(30):
        seen.append(len(os.listdir(f"/proc/{process.pid}/fd")))
        time.sleep(0.1)
    return min(seen)


def held(process):
    with open(f"/proc/{process.pid}/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident, descriptors_of(process)


def main():
    process, host, port = start()
    counts = {"answered": 0, "gone": 0}
    burst(host, port, SECONDS / 4, counts)  # buffers grow to their size
    resident, descriptors = held(process)
    now = burst(host, port, SECONDS, counts)
    later, open_later = held(process)
    process.terminate()
    if process.wait() != 0:
        sys.exit(f"FAILED: exit status {process.returncode}")
    print(f"{counts['answered']} answered, {counts['gone']} went away; {resident} then {later} bytes, {descriptors} then {open_later} descriptors")
    if later > resident * 1.1 + (4 << 20):
        sys.exit("FAILED: memory grows")
    if open_later > descriptors:
        sys.exit("FAILED: descriptors leak")
    if now["dsa_kv_cache_pages_free"] + now["dsa_kv_cache_pages_cached"] != now["dsa_kv_cache_pages"]:
        sys.exit(f"FAILED: pages are lost: {now}")
    if counts["answered"] == 0 or counts["gone"] == 0:
        sys.exit("FAILED: the test shows nothing")


main()
