"""Tasks of reasoning-gym (PyPI) as a file that `dsa rl tasks --file` reads: a line of JSON for each.

    python3 -m venv venv && venv/bin/pip install reasoning-gym
    venv/bin/python examples/reasoning-gym/tasks.py leg_counting chain_sum --count 1000 >tasks.jsonl
    dsa rl tasks --file tasks.jsonl --count 3
    dsa rl grpo --model smollm2 --lora 16 --domains tasks.jsonl --out my-model

Right is the answer's own text: tasks whose answer has several lines are left out, and so should be data sets
in which many answers are right.
"""

import argparse
import json
import sys

import reasoning_gym


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="+", help="reasoning-gym's name of a data set")
    parser.add_argument("--count", type=int, default=100, help="tasks of each")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    left_out = 0
    for name in arguments.dataset:
        for item in reasoning_gym.create_dataset(name, size=arguments.count, seed=arguments.seed):
            answer = str(item["answer"]).strip()
            if not answer or "\n" in answer or "answer:" in answer:
                left_out += 1
                continue
            print(json.dumps({"prompt": item["question"].strip(), "answer": answer, "dataset": name}))
    if left_out:
        print(f"{left_out} tasks left out: their answers are not one line", file=sys.stderr)


if __name__ == "__main__":
    main()
