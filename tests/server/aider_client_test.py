"""aider mends a program in a repository of its own: a first edit that its tests refuse, a second that they pass, a commit."""

import os
import subprocess
import sys
import tempfile

from client_case import ANNOUNCED, DSA, SERVE_SCRIPT, Server, equal, expect, write_script

AIDER = os.path.join(os.path.dirname(sys.executable), "aider")
PROGRAM = "def mean(values):\n    return sum(values) / 2\n"
TEST = 'from mean import mean\n\nassert mean([3, 6, 9]) == 6, "the mean of three"\nassert mean([]) == 0, "the mean of none"\nprint("all is well")\n'


def edit(before, after):
    return f"I change it.\n\nmean.py\n```python\n<<<<<<< SEARCH\n{before}=======\n{after}>>>>>>> REPLACE\n```\n"


FIRST = "    return sum(values) / len(values)\n"
SECOND = "    return sum(values) / len(values) if values else 0\n"
SCRIPT = {
    "context": 100000,
    "answers": [
        {"when": "Git commit message", "text": "fix: the mean of any number of values"},
        {"when": "ZeroDivisionError", "text": edit(FIRST, SECOND)},
        {"when": "The mean is wrong", "text": edit("    return sum(values) / 2\n", FIRST)},
    ],
}


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server([SERVE_SCRIPT, write_script(folder, SCRIPT), "0", "5"], folder, "script", True, ANNOUNCED)
        try:
            mend(server, os.path.join(folder, "repository"))
        finally:
            server.end()
    print("the program is mended, tested and committed")


def mend(server, repository):
    os.mkdir(repository)
    # No settings but the test's own, and the width of a terminal.
    environment = dict(os.environ, HOME=repository, COLUMNS="200", AIDER_ANALYTICS="false", LITELLM_LOCAL_MODEL_COST_MAP="True")

    def run(*command, **more):
        return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)

    for name, text in {"mean.py": PROGRAM, "mean_test.py": TEST, ".gitignore": ".*\n__pycache__\n"}.items():
        with open(os.path.join(repository, name), "w") as file:
            file.write(text)
    run("git", "init", "-q", check=True)
    for key, value in {"name": "A Tester", "email": "tester@example.org"}.items():
        run("git", "config", f"user.{key}", f"{value}", check=True)
    run("git", "add", "-A", check=True)
    run("git", "commit", "-qm", "as it was", check=True)
    run(DSA, "connect", "aider", server.url, "--key", server.key, "--write", check=True)

    options = ["--edit-format", "diff", "--no-check-update", "--no-gitignore", "--yes-always", "--no-pretty"]
    options += ["--test-cmd", f"{sys.executable} mean_test.py", "--auto-test", "--message", "The mean is wrong. Mend it."]
    session = run(AIDER, *options, "mean.py", timeout=240)
    said = session.stdout + session.stderr
    expect(session.returncode == 0, said)
    with open(os.path.join(repository, "mean.py")) as file:
        expect(file.read() == "def mean(values):\n" + SECOND, said)
    tested = run(sys.executable, "mean_test.py")
    equal(tested.stdout, "all is well\n")
    log = run("git", "log", "--format=%s").stdout.splitlines()
    equal(log, ["fix: the mean of any number of values"] * 2 + ["as it was"])
    bill = server.bill()
    expect(len(bill) == 4 and all(row["cost"] > 0 for row in bill), f"two edits and two messages: {bill}")


main()
