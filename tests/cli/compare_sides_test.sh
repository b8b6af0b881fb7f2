# dsa compare on a tiny model: modes side by side, a file of results that a run goes on from, Ctrl-C, wrong usage.
source "$(dirname "$0")/lib.sh"
"$tools/make_text_model" chat "$tiny/deepseek_v32" "$work/v32" || fail "no model"
"$tools/make_text_model" chat "$tiny/llama_gqa" "$work/gqa" || fail "no model"
cat >"$work/some.jsonl" <<'JSONL'
{"id": "a", "prompt": "One, two, three: what comes next?", "facts": ["four"], "reference": "Four"}
{"id": "b", "set": "numbers", "prompt": "2 + 2?", "number": 4, "rewordings": ["two and two?"]}
{"id": "c", "set": "numbers", "turns": ["My cat is Mina.", "What is it called?"], "facts": ["Mina"], "turns_ago": 1}
JSONL
ask=("$dsa" compare "$work/v32:sparse" "$work/v32:dense" --prompts "$work/some.jsonl" --max-tokens 8 --compute f32)

on 0 "${ask[@]}" --jsonl "$work/results" --report "$work/report.html"
for part in "A: $work/v32:sparse" "B: $work/v32:dense" "3 of 3 prompts, 8 tokens at most" "numbers: 2 prompts" "all: 3 prompts" "score by all rules"; do
  stdout_has "$part"
done
[[ $(wc -l <"$work/results") == 4 ]] || fail "$(wc -l <"$work/results") lines of results, expected 4"
grep -q '<svg' "$work/report.html" || fail "the report has no plot"
grep -qE '<script|src=|<link' "$work/report.html" && fail "the report needs more than itself"

# What the file holds is not asked again; a line that was cut off is; another run's file is refused.
on 0 "${ask[@]}" --json --jsonl "$work/results"
json /prompts 3
json /groups/0/set some
json /groups/1/figures/stable/pairs 1
json /groups/2/figures/facts/pairs 2
cp "$work/out" "$work/first"
head -c -20 "$work/results" >"$work/cut"
on 0 "${ask[@]}" --json --jsonl "$work/cut"
[[ $(wc -l <"$work/cut") == 4 ]] || fail "the last line was not asked again"
same <(cut -d '"' -f 1-12 "$work/results" | head -n 3) <(cut -d '"' -f 1-12 "$work/cut" | head -n 3)
on 0 "${ask[@]}" --json --jsonl "$work/results"
same "$work/first" "$work/out"
refused "is the state of another run (max_tokens 8, expected 9)" "${ask[@]}" --jsonl "$work/results" --max-tokens 9

# A side beside itself says the same, also with a selection as large as all there is.
on 0 "$dsa" compare "$work/v32:dense" "$work/v32:dense" --prompts "$work/some.jsonl" --max-tokens 8 --json
json /groups/2/equal 3
json /groups/2/figures/tokens/difference 0.0
on 0 "$dsa" compare "$work/v32:top-k=4096" "$work/v32:dense" --prompts "$work/some.jsonl" --max-tokens 8 --json
json /groups/2/equal 3

# The judge is asked too; who fails, and at which prompt, is said.
refused "judge: prompt a: the prompt has" "${ask[@]}" --judge "$work/v32:dense"

# Ctrl-C: what was finished is reported, and kept.
yes '' | head -n 200 | awk '{printf "{\"id\": \"p%d\", \"prompt\": \"Say number %d in as many words as you can.\"}\n", NR, NR}' >"$work/many.jsonl"
"$dsa" compare "$work/v32:sparse" "$work/v32:dense" --prompts "$work/many.jsonl" --max-tokens 200 --jsonl "$work/broken" >"$work/out" 2>"$work/err" &
pid=$!
for _ in $(seq 600); do
  [[ -e $work/broken && $(wc -l <"$work/broken") -ge 3 ]] && break
  sleep 0.05
done
kill -INT "$pid"
wait "$pid"
status=$?
checks=$((checks + 1))
[[ $status == 130 ]] || fail "interrupted: status $status, expected 130"
kept=$(($(wc -l <"$work/broken") - 1))
stdout_has "$kept of 200 prompts"

on 2 "$dsa" compare smollm2
on 2 "${ask[@]}" --price-a cheap
stderr_has "GPT-5 nano"
refused '"dnse" is no mode' "$dsa" compare "$work/v32:dnse" "$work/v32" --prompts "$work/some.jsonl"
refused "no such folder" "$dsa" compare "$work/absent" "$work/v32" --prompts "$work/some.jsonl"
refused "no set of that name comes with dsa (arithmetic, code, document" "$dsa" compare "$work/v32" "$work/v32" --prompts poems
refused "Connection refused" "$dsa" compare http://127.0.0.1:1 "$work/v32" --prompts "$work/some.jsonl"
refused "is no URL" "$dsa" compare ftp://x "$work/v32" --prompts "$work/some.jsonl"
echo '{"id": "a", "promt": "x"}' >"$work/wrong.jsonl"
refused 'line 1: ' "$dsa" compare "$work/v32" "$work/v32" --prompts "$work/wrong.jsonl"
refused "the model has no indexer" "$dsa" compare "$work/gqa:top-k=4" "$work/gqa" --prompts "$work/some.jsonl"
finish
