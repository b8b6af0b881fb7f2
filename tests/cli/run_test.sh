# dsa run, logits: answers of the default model, from the shell's side.
source "$(dirname "$0")/lib.sh"

greedy=(--temperature 0 --max-tokens 16)

# the same answer twice, whatever the threads; nothing but the answer on stdout
on 0 "$dsa" run smollm2 --raw -p "The capital of France is" "${greedy[@]}"
stdout_has "Paris"
cp "$work/out" "$work/first"
on 0 "$dsa" run smollm2 --raw -p "The capital of France is" "${greedy[@]}" --threads 1 </dev/null
cmp -s "$work/first" "$work/out" || fail "a second run with other threads answered differently"

# sampled answers repeat with their seed
on 0 "$dsa" run smollm2 -p "Tell me a story." --temperature 1 --seed 7 --max-tokens 12
cp "$work/out" "$work/first"
on 0 "$dsa" run smollm2 -p "Tell me a story." --temperature 1 --seed 7 --max-tokens 12
cmp -s "$work/first" "$work/out" || fail "one seed, two answers"

# JSON: every field docs/interfaces.md names
on 0 "$dsa" run smollm2 --raw -p "Once upon a time" --temperature 0 --max-tokens 8 --json
json /finish_reason length
json /usage/prompt_tokens 4
json /usage/completion_tokens 8
json /usage/total_tokens 12
json /timings/prompt_tokens 4
json /timings/completion_tokens 8
"$json_value" /text /prompt_token_ids/3 /token_ids/7 /timings/load_ms /timings/prefill_ms /timings/prefill_tok_s \
  /timings/ttft_ms /timings/decode_ms /timings/decode_tok_s /timings/tpot_ms /timings/peak_rss_bytes \
  /timings/drafted_tokens /timings/accepted_tokens /timings/mtp_drafted_tokens /timings/mtp_accepted_tokens \
  <"$work/out" >/dev/null || fail "a field is missing"
stderr_empty
text=$("$json_value" /text <"$work/out")
on 0 "$dsa" run smollm2 --raw -p "Once upon a time" --temperature 0 --max-tokens 8
stdout_is "$text"
stderr_has "cut after 8 tokens"

# the prompt from a file, from stdin, and a question about it; a stop string
printf 'Once upon a time' >"$work/prompt.txt"
on 0 "$dsa" run smollm2 --raw --file "$work/prompt.txt" --temperature 0 --max-tokens 8
stdout_is "$text"
on 0 "$dsa" run smollm2 --raw --file - --temperature 0 --max-tokens 8 <"$work/prompt.txt"
stdout_is "$text"
printf 'The secret word is pineapple.' >"$work/doc.txt"
on 0 "$dsa" run smollm2 --file "$work/doc.txt" -p "What is the secret word?" "${greedy[@]}" --max-tokens 24
grep -qi pineapple "$work/out" || fail "the document was not read"
on 0 "$dsa" run smollm2 --raw -p "1, 2, 3, 4," --temperature 0 --max-tokens 24 --stop " 7"
grep -q " 6" "$work/out" && ! grep -q 7 "$work/out" || fail "--stop did not stop before 7"

# typed control tokens are text: the two prompts differ
on 0 "$dsa" run smollm2 -p "<|im_end|>" "${greedy[@]}" --max-tokens 1 --json
typed=$("$json_value" /usage/prompt_tokens <"$work/out")
on 0 "$dsa" run smollm2 -p "<|im_end|>" "${greedy[@]}" --max-tokens 1 --json --special
meant=$("$json_value" /usage/prompt_tokens <"$work/out")
((typed > meant)) || fail "typed $typed tokens, meant $meant: expected more where it stays text"

# an empty system message is one, and not the model's own
prompt_tokens() {
  on 0 "$dsa" run smollm2 -p hello "${greedy[@]}" --max-tokens 1 --json "$@"
  "$json_value" /usage/prompt_tokens <"$work/out"
}
own=$(prompt_tokens) empty=$(prompt_tokens --system "")
((empty < own && empty > 10)) || fail "$own tokens with the model's own system message, $empty with an empty one"

# how the model is talked to can be named; thinking is for models that can
on 0 "$dsa" run smollm2 -p hello "${greedy[@]}" --chat-format chatml --thinking off
on 1 "$dsa" run smollm2 -p hello "${greedy[@]}" --chat-format llama-3
stderr_has "<|eot_id|>"
on 1 "$dsa" run smollm2 -p hello --thinking on
stderr_has "no thinking mode"

# a model without a chat template continues the text, and says so
"$tools/make_text_model" model "$tiny/llama_gqa" "$work/plain" || fail "no model"
on 0 "$dsa" run "$work/plain" -p "abc" --max-tokens 2
stderr_has "no chat template"
on 0 "$dsa" run "$work/plain" --raw -p "abc" --max-tokens 2
! grep -q "no chat template" "$work/err" || fail "--raw is told what it asked for"

# the sampler's option of other programs; past what an indexer was trained for
on 0 "$dsa" run smollm2 -p hello "${greedy[@]}" --max-tokens 1 --top-k 40
stderr_has "--sample-top-k"
on 0 "$dsa" run smollm2 -p hello "${greedy[@]}" --max-tokens 1 --top-k 256
! grep -q "sample-top-k" "$work/err" || fail "256 of 512 is no slip"
"$tools/make_text_model" indexer "$work/plain" "$work/short" 2x8 4 || fail "no indexer"
sed -i 's/"trained_context": *[0-9]*/"trained_context": 16/' "$work/short/config.json"
on 0 "$dsa" run "$work/plain" --raw --indexer "$work/short" -p "more than sixteen bytes" --max-tokens 1
stderr_has "attention is dense past 16 tokens"
on 0 "$dsa" run "$work/plain" --raw --indexer "$work/short" -p "few bytes" --max-tokens 1
! grep -q "attention is dense" "$work/err" || fail "nothing is past 16 tokens"

# a warning says a setting as it is typed
on 0 "$dsa" run smollm2 -p hello "${greedy[@]}" --max-tokens 1 --ctx 9000
stderr_has "--ctx 9000 is past the 8192 positions"

# what no context can hold is refused before it is cut into tokens
head -c 32000000 /dev/zero | tr '\0' a >"$work/endless.txt"
on 1 timeout 10 "$dsa" run smollm2 --file "$work/endless.txt"
stderr_is_one_line
stderr_has "32000000 bytes"

# what cannot be: one line each
on 1 "$dsa" run smollm2 --raw -p ""
stderr_is_one_line
on 1 "$dsa" run smollm2 -p "$(printf 'a question that is longer than the context %.0s' {1..20})" --ctx 64
stderr_has "--ctx"
stderr_is_one_line
on 1 "$dsa" run smollm2 -p x --attention sparse --indexer none
stderr_has "indexer"
stderr_is_one_line
on 1 "$dsa" run smollm2 -p x --indexer "$work/none"
stderr_is_one_line
on 1 "$dsa" run smollm2 -p x --file "$work/none"
stderr_is_one_line
on 1 "$dsa" run smollm2 -p x --file "$work"
stderr_is_one_line
on 1 "$dsa" run smollm2 -p x --logit-bias nonsense
stderr_is_one_line
on 1 "$dsa" run smollm2 -p x --logit-bias 99999999:1
stderr_is_one_line

# Ctrl-C: 130, and what was said stays
"$dsa" run smollm2 -p "Write a very long story about a whale." --max-tokens -1 --temperature 1 >"$work/out" 2>"$work/err" &
pid=$!
for _ in {1..200}; do
  [[ -s $work/out ]] && break
  sleep 0.05
done
kill -INT "$pid"
wait "$pid"
status=$?
[[ $status == 130 && -s $work/out ]] || fail "interrupted: status $status, expected 130 and some text"

# logits: the file is a safetensors file of the promised size, and is not touched by a failure
on 0 "$dsa" logits smollm2 --tokens 1,2,3 --out "$work/l.safetensors"
stdout_empty
header=$(od -An -tu8 -N8 "$work/l.safetensors" | tr -d ' ')
size=$(stat -c %s "$work/l.safetensors")
((size == 8 + header + 3 * 8 + 3 * 49152 * 4)) || fail "logits file has $size bytes"
printf '1 2\n3' >"$work/tokens.txt"
on 0 "$dsa" logits smollm2 --tokens "@$work/tokens.txt" --out "$work/m.safetensors"
cmp -s "$work/l.safetensors" "$work/m.safetensors" || fail "@FILE gives other logits"
before=$(cksum <"$work/l.safetensors")
on 1 "$dsa" logits smollm2 --tokens 1,99999999 --out "$work/l.safetensors"
stderr_is_one_line
[[ $(cksum <"$work/l.safetensors") == "$before" ]] || fail "a failed run touched the file"
on 1 "$dsa" logits smollm2 --tokens "" --out "$work/l.safetensors"
on 1 "$dsa" logits smollm2 --tokens 1 --out "$work/no/such/folder/l.safetensors"
stderr_is_one_line
# More threads than the address space has room for.
on 1 bash -c 'ulimit -v 1000000; exec "$0" run tiny-v32 --raw --threads 400 -p hi' "$dsa"
stderr_is_one_line
stderr_has "of 400 threads could be started"
finish
