# dsa cost: what was measured or described becomes dollars; the example of docs/cost.md is what the program says.
source "$(dirname "$0")/lib.sh"
examples=$root/examples/cost

# the worked example: what the document shows is printed, line by line
on 0 "$dsa" cost --config "$examples/office.toml" --bench "$examples/smollm2.json"
sed -n '/^<!-- dsa cost -->$/,/^<!-- end -->$/p' "$root/docs/cost.md" | sed -n 's/^    //p' | grep -v '^\$ ' >"$work/shown"
[[ -s $work/shown ]] || fail "docs/cost.md shows no example"
while IFS= read -r line; do
  checks=$((checks + 1))
  grep -qxF -- "$line" "$work/out" || fail "docs/cost.md shows: $line"
done < <(grep -v '^speed \|^ *\.\.\.$' "$work/shown")
stderr_empty

# as JSON
on 0 "$dsa" cost --config "$examples/office.toml" --bench "$examples/smollm2.json" --json
json /settings/workload/prompt_tokens 6000.0
json /apis/0/name DeepSeek-V3.2-Exp
json /own/sparse/middle/clients 1
for figure in usd_three_years machines tokens_a_day requests_a_day; do
  "$json_value" "/own/sparse/middle/$figure" <"$work/out" | awk '!($1 > 0) { exit 1 }' || fail "$figure is not above 0"
done

# every assumption as a file, which read again is the same
on 0 "$dsa" cost --config "$examples/office.toml" --print-config
stdout_has "prompt_tokens = 6000  # of a request"
stdout_has "staff_hours_month = [2, 6]"
cp "$work/out" "$work/printed.toml"
on 0 "$dsa" cost --config "$work/printed.toml" --print-config
same "$work/out" "$work/printed.toml"

# what a server adds: more at once, and the share of a hit
printf '{"cells":{"a/1":{"dsa":[100]},"a/8":{"dsa":[700]},"c/cold":{"dsa":[1000]},"c/ram":{"dsa":[10]}}}' >"$work/server.json"
on 0 "$dsa" cost --config "$examples/office.toml" --bench "$examples/smollm2.json" --server "$work/server.json" --json
json /own/sparse/middle/clients 8
json /settings/site/hit_share 0.01

# without a config it says that the figures are examples
on 0 "$dsa" cost --bench "$examples/smollm2.json"
stderr_has "are examples"

# a machine that is described
on 0 "$dsa" cost --model deepseek-v3.2 --hardware "$examples/h800x16.toml"
stdout_has "deepseek-v3.2 on 16 x H800, predicted: 672 GB of weights"
stdout_has "131072"
stdout_has "such devices"
on 0 "$dsa" cost --model "$tiny/deepseek_v32" --hardware "$examples/h800x16.toml" --json
json /prediction/rows/0/context 4096
json /prediction/rows/0/attention dense
json /prediction/target/context 131072
printf '[machine]\nmemory_gb = 80\n' >"$work/small.toml"
refused "more devices" "$dsa" cost --model deepseek-v3.2 --hardware "$work/small.toml" --config "$examples/office.toml"
refused "no such folder" "$dsa" cost --model "$work/none" --hardware "$examples/h800x16.toml" --config "$examples/office.toml"

# a sheet to decide by
on 0 "$dsa" cost --config "$examples/office.toml" --bench "$examples/smollm2.json" --report "$work/sheet.html"
grep -q "two cores of a server" "$work/sheet.html" || fail "the sheet lacks the machine"
[[ $(grep -c "<svg" "$work/sheet.html") == 4 ]] || fail "the sheet lacks plots"
refused "nowhere" "$dsa" cost --config "$examples/office.toml" --bench "$examples/smollm2.json" --report "$work/nowhere/x.html"

# measured rows beside what the others imply: here, a bench of three depths
small=(--decode 4 --prefill 16 --reps 3 --threads 1 --random-indexer 2x8 --top-k 8)
on 0 "$dsa" bench "$tiny/llama_gqa" --depths 32,128,256 "${small[@]}" --json
cp "$work/out" "$work/bench.json"
"$dsa" cost --validate "$work/bench.json" >"$work/out" 2>"$work/err" # 0 or 1: nothing here depends on times
checks=$((checks + 1))
stdout_has "measured, ms"
[[ $(grep -c '^decode \|^prefill ' "$work/out") == 12 ]] || fail "not every row was validated"
for example in smollm2 v32_layer; do
  on 0 "$dsa" cost --validate "$examples/$example.json"
  grep -qF "$(tail -n 1 "$work/out")" "$root/docs/cost.md" || fail "docs/cost.md does not say: $(tail -n 1 "$work/out")"
done
sed 's/, "cost".*}}}/}/' "$examples/smollm2.json" >"$work/older.json"
refused "row 0: has no cost" "$dsa" cost --validate "$work/older.json"

# wrong usage, and files that are none
on 2 "$dsa" cost
stderr_has "--bench"
on 2 "$dsa" cost --bench "$examples/smollm2.json" --hardware "$examples/h800x16.toml"
on 2 "$dsa" cost --hardware "$examples/h800x16.toml" --server "$work/server.json"
refused "none.json" "$dsa" cost --bench "$work/none.json"
refused "office.toml" "$dsa" cost --bench "$examples/office.toml"
printf '[machine]\npower_w = "much"\n' >"$work/wrong.toml"
refused "wrong.toml:2: machine.power_w: expected a number" "$dsa" cost --config "$work/wrong.toml" --print-config
printf '[machine]\npower = 1\n' >"$work/wrong.toml"
refused "--print-config lists those that it has" "$dsa" cost --config "$work/wrong.toml" --print-config
finish
