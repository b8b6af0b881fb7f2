"""Tasks made here, run by lm-eval against a server: lm_eval_test.py LM_EVAL URL FOLDER"""

import json
import pathlib
import subprocess
import sys

lm_eval, url, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])

# The likelier ending comes first in one half and last in the other, so that no fixed answer scores.
ENDINGS = [
    ("The capital of France is", " Paris", " carpet"),
    ("Two and two make", " four", " giraffe"),
    ("The opposite of hot is", " cold", " seventeen"),
    ("In winter it is often cold, and sometimes it", " snows", " spoons"),
    ("She opened the door with a", " key", " Tuesday"),
    ("The sun rises in the", " east", " sandwich"),
    ("Water freezes and becomes", " ice", " Belgium"),
    ("A baby cat is called a", " kitten", " motorway"),
]


def write_task():
    with open(folder / "endings.jsonl", "w") as out:
        for i, (question, right, wrong) in enumerate(ENDINGS):
            choices = [right, wrong] if i % 2 == 0 else [wrong, right]
            print(json.dumps({"question": question, "choices": choices, "gold": i % 2}), file=out)
    (folder / "endings.yaml").write_text(
        f"""task: endings
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/endings.jsonl}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: gold
target_delimiter: ""
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""
    )


def run():
    model_args = f"model=smollm2,base_url={url}/v1/completions,tokenizer_backend=remote,num_concurrent=2"
    command = [lm_eval, "run", "--model", "local-completions", "--tasks", "endings", "--include_path", str(folder)]
    command += ["--model_args", model_args, "--output_path", str(folder / "out"), "--log_samples"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "HF_HOME": str(folder / "hf"), "HF_DATASETS_OFFLINE": "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"FAILED: lm-eval ended with {ran.returncode}:\n{ran.stderr[-3000:]}")
    [results] = (folder / "out").rglob("results_*.json")
    [samples] = (folder / "out").rglob("samples_*.jsonl")
    return json.loads(results.read_text()), [json.loads(line) for line in samples.read_text().splitlines()]


write_task()
results, samples = run()
accuracy = results["results"]["endings"]["acc,none"]
assert len(samples) == len(ENDINGS), f"{len(samples)} samples, expected {len(ENDINGS)}"
assert accuracy >= 7 / 8, f"accuracy {accuracy}, expected nearly all of endings that are plain nonsense to be seen"
for sample in samples:
    for response in sample["filtered_resps"]:
        likelihood = float(response[0])
        assert -60 < likelihood < 0, f"a log-likelihood of {likelihood} for a word"
print(f"lm-eval: {accuracy:.0%} of {len(samples)} endings")
