# dsa rl sft, grpo, eval, distill and recipe: what they make, that a killed one goes on to the same bits, and what bad
# input gets.
source "$(dirname "$0")/lib.sh"
if ! "$dsa" rl sft --help >"$work/out" 2>"$work/err"; then # a build without libtorch
  refused "tools/setup.sh train" "$dsa" rl sft --help
  finish
  exit
fi

# A model of one token a byte; its messages end with <|im_end|>.
"$tools/make_text_model" chat "$tiny/deepseek_v32" "$work/base" || fail "no model"
sed -i 's/{/{"eos_token": "<|im_end|>", /' "$work/base/tokenizer_config.json"
tasks=(--domains counting --hardest 0 --style brief --ctx 160 --threads 1)
sft() { "$dsa" rl sft --model "$work/base" "${tasks[@]}" --batch 8 --lr 2e-2 --rise 4 "$@"; }

# Supervised: whole, killed, interrupted.
on 0 sft --tokens 12000 --out "$work/start" --save-seconds 0
stdout_has "solved of tasks not trained on: counting"
for file in config.json model.safetensors tokenizer.json README.md report.html train_log.jsonl checkpoint.safetensors; do
  [[ -s $work/start/$file ]] || fail "$file is missing"
done
checks=$((checks + 1))
python3 - "$work/start/train_log.jsonl" <<'PYTHON' || fail "the loss did not fall"
import json, sys
steps = [r for r in map(json.loads, open(sys.argv[1])) if not r.get("held_out")]
losses = [r["main"]["language_model"] for r in steps]
assert sum(losses[-3:]) < 0.6 * sum(losses[:3]), losses
PYTHON
grep -qE 'https?:|src=|<script' <(sed 's|http://www.w3.org/2000/svg||g' "$work/start/report.html") && fail "the report needs a network"
all=$(wc -l <"$work/start/train_log.jsonl")
killed "$work/killed" 8 "$all" "$dsa" rl sft --model "$work/base" "${tasks[@]}" --batch 8 --lr 2e-2 --rise 4 --tokens 12000 --out "$work/killed" --save-seconds 0
on 0 "$dsa" rl sft --model "$work/base" --threads 1 --out "$work/killed" --resume
same "$work/start/model.safetensors" "$work/killed/model.safetensors"

# By reward, from there; killed and gone on with.
grpo() { "$dsa" rl grpo --model "$work/start" "${tasks[@]}" --tasks 4 --samples 4 --message-tokens 14 --patience 1000 --lr 1e-3 "$@"; }
on 0 grpo --tokens 16000 --out "$work/special" --save-seconds 0 --kl 0.01 --sample-top-p 0.95
json_lines=$(wc -l <"$work/special/train_log.jsonl")
killed "$work/halved" 4 "$json_lines" "$dsa" rl grpo --model "$work/start" "${tasks[@]}" --tasks 4 --samples 4 --message-tokens 14 --patience 1000 --lr 1e-3 --tokens 16000 --out "$work/halved" --save-seconds 0 --kl 0.01 --sample-top-p 0.95
on 0 "$dsa" rl grpo --model "$work/start" --threads 1 --out "$work/halved" --resume
same "$work/special/model.safetensors" "$work/halved/model.safetensors"
checks=$((checks + 1))
python3 - "$work/special/train_log.jsonl" <<'PYTHON' || fail "what was played is not what was trained on"
import json, sys
steps = [r for r in map(json.loads, open(sys.argv[1])) if not r.get("held_out")]
assert all(r["reward"]["mismatch"] < 1e-4 for r in steps), steps
assert any(r["reward"]["signal"] > 0 for r in steps), steps
assert all(0 <= r["reward"]["domains"]["counting"] <= 1 for r in steps), steps
PYTHON

on 0 "$dsa" rl eval --model "$work/special" --beside "$work/start" --domains counting --hardest 0 --ctx 160 --tasks 8 --threads 1 --json
json /rows/0/tasks 8
json /rows/0/domain counting
evaluate() { "$dsa" rl eval --model "$work/start" --domains counting --hardest 0 --ctx 160 --threads 1 "$@"; }
on 0 evaluate --tasks 4 --to "$work/start.json"
on 0 evaluate --tasks 4 --beside "$work/start.json" --json
json /rows/0/gain 0.0
refused "this is of 5 tasks" evaluate --tasks 5 --beside "$work/start.json"
refused "is no result of dsa rl eval" evaluate --tasks 4 --beside "$work/start/config.json"
# Drawn, it is the same at every run, and another result.
on 0 evaluate --tasks 32 --temperature 1 --to "$work/drawn.json"
on 0 evaluate --tasks 32 --temperature 1 --threads 2 --to "$work/drawn-again.json"
same "$work/drawn.json" "$work/drawn-again.json"
on 0 evaluate --tasks 32 --to "$work/likeliest.json"
cmp -s <(grep '"counting": "' "$work/drawn.json") <(grep '"counting": "' "$work/likeliest.json") && fail "nothing was drawn"
refused "temperature 1" evaluate --tasks 32 --beside "$work/drawn.json"

# All of it, and nothing of it twice.
recipe=("$dsa" rl recipe --model "$work/start" --tokens 24000 --domains counting --hardest 0 --ctx 160 --stretch 0
  --message-tokens 14 --step-tasks 4 --samples 4 --episodes 8 --tasks 8 --threads 1)
on 0 "${recipe[@]}" --out "$work/recipe"
for stage in start specialist-counting distilled mixed in-a-row-1; do
  [[ -s $work/recipe/$stage/model.safetensors && -e $work/recipe/eval-$stage.json && -e $work/recipe/sampled/eval-$stage.json ]] || fail "the recipe lacks $stage"
done
[[ $(wc -l <"$work/recipe/distilled/accepted.jsonl") -ge 1 ]] || fail "nothing was distilled"
before=$(sha256sum "$work/recipe/mixed/model.safetensors")
on 0 "${recipe[@]}" --out "$work/recipe"
stdout_has "report.html"
stdout_has "drawn at temperature 1"
grep -q "<h3>mixed, beside in-a-row-1</h3>" "$work/recipe/report.html" || fail "the report lacks a model"
grep -q "rl grpo" "$work/err" && fail "a stage that was done was run again"
[[ $(sha256sum "$work/recipe/mixed/model.safetensors") == "$before" ]] || fail "a stage that was done was changed"

# Killed on its way, its stage stops too, and it goes on to the same.
"${recipe[@]}" --out "$work/killed" >"$work/killed.log" 2>&1 &
steps_are "$work/killed/specialist-counting" 2
kill -9 $!
wait $! 2>/dev/null
for _ in $(seq 600); do
  grep -lqzs "$work/killed" /proc/[0-9]*/cmdline || break
  sleep 0.1
done
[[ ! -e $work/killed/mixed ]] || fail "it was too late to kill the recipe"
on 0 "${recipe[@]}" --out "$work/killed"
same "$work/recipe/mixed/model.safetensors" "$work/killed/mixed/model.safetensors"
on 2 "${recipe[@]}" --out "$work/x" --hours 1
stderr_has "--tokens"

# A chat model with grouped queries, through what is added to its matrices.
"$tools/make_text_model" chat "$tiny/llama_gqa" "$work/gqa" || fail "no model"
sed -i 's/{/{"eos_token": "<|im_end|>", /' "$work/gqa/tokenizer_config.json"
added() { "$dsa" rl "$@" --model "$work/gqa" "${tasks[@]}" --attention dense --lora 4; }
on 0 added sft --batch 4 --tokens 3000 --out "$work/gqa-start"
on 0 "$dsa" rl eval --model "$work/gqa-start" --domains counting --hardest 0 --ctx 160 --attention dense --tasks 2 --threads 1
refused "has no indexer" "$dsa" rl sft --model "$work/gqa" "${tasks[@]}" --out "$work/x"
refused "was started with --lora 4" "$dsa" rl sft --model "$work/gqa" --out "$work/gqa-start" --lora 2 --resume
refused "all of its weights are trained" sft --lora 4 --out "$work/x"

# What bad input gets: one line, status 1, and what is there stays.
before=$(sha256sum "$work/special/checkpoint.safetensors")
refused "--resume goes on with it" grpo --tokens 96 --out "$work/special"
refused "started with --samples 4" grpo --out "$work/special" --resume --samples 8
refused "no checkpoint of dsa rl sft" "$dsa" rl sft --model "$work/base" --out "$work/special" --resume
[[ $(sha256sum "$work/special/checkpoint.safetensors") == "$before" ]] || fail "a refused training touched what was there"
refused "--domains is missing" "$dsa" rl grpo --model "$work/start" --out "$work/x"
refused "there is none of that name" "$dsa" rl grpo --model "$work/start" --domains cooking --out "$work/x"
refused "expected v32" grpo --objective ppo --out "$work/x"
refused "top_p" grpo --sample-top-p 0 --out "$work/x"
refused "expected one of" grpo --replay never --out "$work/x"
refused "was made for 256 tokens" grpo --ctx 257 --out "$work/x"
on 3 "$dsa" rl grpo --model "$work/base" "${tasks[@]}" --tasks 2 --samples 2 --message-tokens 4 --patience 2 --out "$work/hopeless"
stderr_has "2 steps in a row had no group whose rewards differ"
[[ -e $work/hopeless/model.safetensors ]] || fail "the model as it was is not there"
printf '{"domain": "counting"}\n' >"$work/bad.jsonl"
refused "line 1: is no episode" sft --examples "$work/bad.jsonl" --out "$work/x"
refused "expected FOLDER:DOMAIN" "$dsa" rl distill --model "$work/start" --teacher "$work/special" --out "$work/x"
[[ ! -e $work/x ]] || fail "a refused training left a folder"
finish
