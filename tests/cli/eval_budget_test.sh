# dsa eval budget on a tiny model: what it writes into the folder, that it goes on from what it has, what bad input gets.
source "$(dirname "$0")/lib.sh"
"$tools/make_text_model" model "$tiny/llama_gqa" "$work/model" || fail "no model"
"$tools/make_text_model" indexer "$work/model" "$work/indexer" 2x8 16 || fail "no indexer"
some_text "$work/text"
budget=("$dsa" eval budget "$work/model" --indexer "$work/indexer" --text "$work/text" --ctx 512 --rows 40 --windows 3 --minutes 0)
cp "$work/indexer/config.json" "$work/before"

on 0 "${budget[@]}" --no-write --json --state "$work/state"
json /before/2 16
json /kinds/text/samples 3
same "$work/before" "$work/indexer/config.json"
cp "$work/out" "$work/first"
[[ $(wc -l <"$work/state") == 4 ]] || fail "the state has $(wc -l <"$work/state") lines"
head -c -9 "$work/state" >"$work/half"
on 0 "${budget[@]}" --no-write --json --state "$work/half" --threads 1
same "$work/first" "$work/out"

# With questions; the folder then says so, and keeps what the mean costs.
on 0 "${budget[@]}" --retrieval --lengths 448,512 --samples 1
stdout_has "variables 448"
stdout_has "expected of the division"
[[ -s $work/indexer/budget.html ]] || fail "no report"
grep -qE 'https?:|src=|<script' <(sed 's|http://www.w3.org/2000/svg||g' "$work/indexer/budget.html") && fail "the report needs a network"
python3 - "$work/indexer/config.json" "$work/before" <<'PYTHON' || fail "the folder's config.json is not as it should be"
import json, sys
after, before = (json.load(open(path)) for path in sys.argv[1:])
assert sum(after["index_topk"]) == 48, after["index_topk"]
assert {**after, "index_topk": 16} == before
PYTHON

# What runs then: the list, another mean in its proportions, one by hand.
cp "$work/indexer/config.json" "$work/divided"
sed -i -z 's/"index_topk": \[[^]]*\]/"index_topk": [8, 16, 24]/' "$work/indexer/config.json"
perplexity=("$dsa" eval perplexity "$work/model" --indexer "$work/indexer" --text "$work/text" --ctx 256 --windows 2 --json --attention sparse)
nll() { "$json_value" /nll <"$work/out"; }
on 0 "${perplexity[@]}"
list=$(nll)
on 0 "${perplexity[@]}" --top-k 16
[[ $(nll) == "$list" ]] || fail "the mean itself is another division"
on 0 "${perplexity[@]}" --top-k-layers 8,16,24
[[ $(nll) == "$list" ]] || fail "the same list by hand is another division"
on 0 "${perplexity[@]}" --top-k 32
double=$(nll)
on 0 "${perplexity[@]}" --top-k-layers 16,32,48
[[ $(nll) == "$double" && $double != "$list" ]] || fail "twice the mean is not twice the list"
on 0 "${perplexity[@]}" --top-k-layers 16
[[ $(nll) != "$list" ]] || fail "one number for all changed nothing"

refused "--top-k-layers lists 2 numbers, expected 3" "${perplexity[@]}" --top-k-layers 8,16
refused "no indexer" "$dsa" run "$work/model" -p a --raw --top-k-layers 8
on 2 "${perplexity[@]}" --top-k-layers 8,0,16
on 2 "${perplexity[@]}" --top-k-layers 8,x,16
cp "$work/before" "$work/indexer/config.json"
refused "another run" "${budget[@]}" --no-write --seed 2 --state "$work/state"
echo '{}' >>"$work/state"
refused "line 5 is not a result" "${budget[@]}" --no-write --state "$work/state"
refused "--lengths" "${budget[@]}" --no-write --retrieval --lengths 4096
refused "--rows" "${budget[@]}" --no-write --rows 512
refused "needs an indexer" "$dsa" eval budget "$work/model" --text "$work/text" --ctx 256
"$tools/make_text_model" model "$tiny/deepseek_v32" "$work/v32" || fail "no model"
refused "in its own checkpoint" "$dsa" eval budget "$work/v32" --text "$work/text" --ctx 128
finish
