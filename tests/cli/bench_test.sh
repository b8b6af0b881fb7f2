# dsa bench: every cell that was asked for is there, and wrong usage is told.  No figure is compared with a time.
source "$(dirname "$0")/lib.sh"

# A row ROW of the JSON has attention, depth, phase, tokens, and a speed that is above 0.
row() {
  local speed
  json "/rows/$1/attention" "$2"
  json "/rows/$1/depth" "$3"
  json "/rows/$1/phase" "$4"
  json "/rows/$1/tokens" "$5"
  speed=$("$json_value" "/rows/$1/tok_s" <"$work/out")
  awk -v s="$speed" 'BEGIN { exit !(s > 0) }' || fail "row $1: $speed tokens a second"
}

small=(--decode 2 --prefill 8 --reps 2 --threads 2)
on 0 "$dsa" bench "$tiny/llama_gqa" --depths 16,0 --random-indexer 2x8 --top-k 4 --prompt 24 "${small[@]}" --json
json /architecture llama
json /loads/0/indexer none
json /loads/1/indexer "2x8, random"
json /loads/1/topk 4
row 0 dense 0 prompt 24
row 1 dense 0 decode 2
row 2 dense 0 prefill 8
row 3 dense 16 decode 2
row 5 sparse 0 prompt 24
row 8 sparse 16 decode 2
row 9 sparse 16 prefill 8
grep -qE '"bound": "(read|fp32|bf16|int8)"' "$work/out" || fail "no row says which ceiling binds"
for ceiling in read_gb_s fp32_gflop_s bf16_gflop_s int8_gop_s; do
  value=$("$json_value" "/machine/$ceiling" <"$work/out")
  awk -v s="$value" 'BEGIN { exit !(s > 0) }' || fail "$ceiling is $value"
done

# The model's own indexer; one attention alone; every token of a depth computed.
on 0 "$dsa" bench "$tiny/deepseek_v32" --depths 8 --attention sparse --fill compute "${small[@]}" --json
row 0 sparse 8 decode 2
# Keys in int8, dense attention beside them; not in float32, and not without an indexer.
on 0 "$dsa" bench "$tiny/llama_gqa" --depths 16 --random-indexer 2x8 --top-k 4 --index-keys int8 "${small[@]}" --json
row 0 dense 16 decode 2
row 3 sparse 16 prefill 8
on 1 "$dsa" bench "$tiny/deepseek_v32" --depths 8 --attention sparse --compute f32 --index-keys int8 "${small[@]}"
stderr_has "--index-keys int8: only with --compute auto"
stderr_is_one_line
on 1 "$dsa" bench "$tiny/llama_gqa" --depths 0 --attention sparse --index-keys int8 "${small[@]}"
stderr_has "no indexer"
stderr_is_one_line
# Several at once: each with a copy of the depth, a page and a half, or all with the same.
many=(--depths 96 --random-indexer 2x8 --top-k 4 --attention sparse --sequences 1,3)
on 0 "$dsa" bench "$tiny/llama_gqa" "${many[@]}" "${small[@]}" --json
row 0 sparse 96 decode 2
json /rows/0/sequences 1
row 1 sparse 96 decode 6
json /rows/1/sequences 3
json /rows/1/shared false
row 2 sparse 96 prefill 8
own=$("$json_value" /rows/1/cost/scores/bytes <"$work/out")
on 0 "$dsa" bench "$tiny/llama_gqa" "${many[@]}" --shared "${small[@]}" --json
json /rows/0/shared false
json /rows/1/shared true
shared=$("$json_value" /rows/1/cost/scores/bytes <"$work/out")
awk -v a="$shared" -v b="$own" 'BEGIN { exit !(a < b) }' || fail "what is shared reads $shared bytes, copies $own"
on 0 "$dsa" bench "$tiny/llama_gqa" "${many[@]}" "${small[@]}"
stdout_has "decode of 3"
on 1 "$dsa" bench "$tiny/llama_gqa" "${many[@]}" --chunk 2 "${small[@]}"
stderr_has "--chunk"
stderr_is_one_line
on 2 "$dsa" bench "$tiny/llama_gqa" --shared "${small[@]}"
stderr_has "give --sequences"
on 2 "$dsa" bench "$tiny/llama_gqa" --sequences 0 "${small[@]}"

on 0 "$dsa" bench "$tiny/llama_gqa" --depths 0 "${small[@]}"
stdout_has "of the ceiling"
stdout_has "GB/s"

# Cell by cell, as lines of stdin ask.
steps() { printf '%s\n' "$1" | "$dsa" bench "$tiny/llama_gqa" --step --depths 16 "${@:2}" "${small[@]}"; }
# answer N POINTER EXPECTED: of the Nth line, the first being what is said before any step.
answer() {
  local value
  value=$(sed -n "$1p" "$work/out" | "$json_value" "$2") || fail "line $1 is no JSON with $2"
  [[ $value == "$3" ]] || fail "line $1: $2 is $value, expected $3"
}
on 0 steps $'fill 16\ndecode 16 2\nprefill 0 8\nmemory\nmachine' --attention sparse --random-indexer 2x8 --top-k 4
answer 1 /indexer "2x8, random"
answer 1 /topk 4
answer 2 /depth 16
answer 3 /tokens 2
answer 4 /depth 0
sed -n 4p "$work/out" | "$json_value" /seconds /cost/bytes /cost/bf16_ops | awk '!($1 > 0) { exit 1 }' || fail "no cost"
sed -n 5p "$work/out" | "$json_value" /peak_rss_bytes | awk '!($1 > 0) { exit 1 }' || fail "no peak"
sed -n 6p "$work/out" | "$json_value" /read_gb_s | awk '!($1 > 0) { exit 1 }' || fail "no ceiling"
on 0 "$dsa" bench "$tiny/llama_gqa" --step </dev/null
on 0 steps $'fill 16\ndecode 16 2 3' --attention dense --sequences 3
answer 3 /sequences 3
on 1 steps $'fill 16\ndecode 16 2 3' --attention dense
stderr_has "give --sequences"
for wrong in "decode 16 2" "decode 0 2 3" "decode 0 2 0" "decode 0 2 4000000000000000000" "decode 9000000000000000000 9000000000000000000" "prefill 0 100000" "decode 0" "decode 0 -1" "fill 1 2" "fill x" "sing"; do
  on 1 steps "$wrong"
  stderr_has "--step"
  stderr_is_one_line
done
on 2 steps "" --random-indexer 2x8
stderr_has "give --attention"

on 1 "$dsa" bench "$tiny/llama_gqa" --random-indexer 2by8 "${small[@]}"
stderr_has "HEADSxDIM"
stderr_is_one_line
on 1 "$dsa" bench "$tiny/llama_gqa" --depths 0 --attention sparse "${small[@]}"
stderr_has "indexer"
stderr_is_one_line
# Past the trained positions: one warning a loaded model.
on 0 "$dsa" bench "$tiny/llama_gqa" --depths 0 --ctx 600 --attention dense "${small[@]}"
stderr_has "is past the 512 positions"
stderr_is_one_line
on 1 "$dsa" bench "$tiny/llama_gqa" --depths 4096 --ctx 64 "${small[@]}"
stderr_has "--ctx"
stderr_is_one_line
on 2 "$dsa" bench "$tiny/llama_gqa" --decode 0 --prefill 0
stderr_has "nothing to measure"
on 2 "$dsa" bench "$tiny/llama_gqa" --depths x
stdout_empty
finish
