# dsa eval sparsity and eval perplexity --compare on tiny models: every figure is there and fits the others.
source "$(dirname "$0")/lib.sh"
"$tools/make_text_model" model "$tiny/llama_gqa" "$work/model" || fail "no model"
"$tools/make_text_model" indexer "$work/model" "$work/indexer" 2x8 16 || fail "no indexer"
"$tools/make_text_model" model "$tiny/deepseek_v32" "$work/v32" || fail "no model"
text=$root/LICENSE

# number POINTER: a figure of the JSON; holds EXPRESSION: awk's, true.
number() { "$json_value" "$1" <"$work/out"; }
holds() { awk "BEGIN { exit !($1) }" || fail "not so: $1 ($2)"; }

on 0 "$dsa" eval sparsity "$work/model" --indexer "$work/indexer" --text "$text" --ctx 128 --windows 3 --topks 32,8 --rows 40 --json
json /windows 3
json /ctx 128
json /topks/0/topk 8
json /topks/1/topk 32
json /topks/0/by_position/0/to 128
json /topks/0/by_layer/2/layer 2
json /dense/windows 3
json /topks/1/perplexity/indexer/windows 3
for topk in 0 1; do
  for kind in indexer window random; do
    holds "$(number /topks/$topk/all/mass/$kind) < $(number /topks/$topk/all/mass/best)" "mass of $kind"
    holds "$(number /topks/$topk/all/recall_of_best/$kind) < 1" "recall of $kind"
  done
  holds "$(number /topks/$topk/worst_layer/mass_indexer_over_best) <= $(number /topks/$topk/all/mass_indexer_over_best)" "worst layer"
done
holds "$(number /topks/0/all/mass/best) < $(number /topks/1/all/mass/best)" "more tokens keep more"
rows=$(number /topks/0/all/rows)
cp "$work/out" "$work/first"

# The same again, whatever the threads; another seed looks at other rows.
on 0 "$dsa" eval sparsity "$work/model" --indexer "$work/indexer" --text "$text" --ctx 128 --windows 3 --topks 8,32 --rows 40 --json --threads 1
diff <(grep -v tok "$work/first") <(grep -v tok "$work/out") >/dev/null || fail "the threads changed a figure"
on 0 "$dsa" eval sparsity "$work/model" --indexer "$work/indexer" --text "$text" --ctx 128 --windows 3 --topks 8,32 --rows 40 --json --seed 1 --no-perplexity
json /topks/0/all/rows "$rows"
[[ $("$json_value" /topks/0/all/mass/indexer <"$work/out") != $("$json_value" /topks/0/all/mass/indexer <"$work/first") ]] || fail "the seed chose the same rows"
"$json_value" /topks/0/perplexity <"$work/out" >/dev/null 2>&1 && fail "--no-perplexity measured perplexity"

# A model with its own indexer; tables for a person.
on 0 "$dsa" eval sparsity "$work/v32" --text "$text" --ctx 64 --windows 2 --topks 16 --rows 8
stdout_has "attention mass kept"
stdout_has "by layer"
stdout_has "top-k 16: mass of the indexer over mass of the best"
stdout_has "perplexity of the second half against dense: indexer"
stderr_empty

on 0 "$dsa" eval perplexity "$work/model" --indexer "$work/indexer" --text "$text" --ctx 128 --windows 3 --compare --json
json /dense/windows 3
json /sparse/windows 3
holds "$(number /sparse/nll) != $(number /dense/nll)" "sparse is not dense"
holds "($(number /sparse_above_dense/all/percent) - 100 * (exp($(number /sparse/nll) - $(number /dense/nll)) - 1))^2 < 1e-12" "the gap"
holds "$(number /sparse_above_dense/all/interval_percent/0) <= $(number /sparse_above_dense/all/percent)" "the interval"
on 0 "$dsa" eval perplexity "$work/model" --indexer "$work/indexer" --text "$text" --ctx 128 --windows 3 --attention dense --json
[[ $(number /window_nll/2) == $("$json_value" /dense/window_nll/2 <"$work/first") ]] || fail "dense perplexity depends on what else is measured"
on 0 "$dsa" eval perplexity "$work/model" --indexer "$work/indexer" --text "$text" --ctx 128 --windows 3 --compare
stdout_has "sparse above dense"

# What bad input gets.
on 1 "$dsa" eval sparsity "$work/model" --text "$text" --ctx 128
stderr_is_one_line
stderr_has "--indexer"
on 1 "$dsa" eval sparsity "$work/v32" --indexer none --text "$text" --ctx 64
stderr_is_one_line
stderr_has "--indexer none"
on 1 "$dsa" eval sparsity "$work/v32" --text "$text" --ctx 64 --topks 64
stderr_is_one_line
stderr_has "--topks 64"
on 1 "$dsa" eval sparsity "$work/v32" --text "$text" --ctx 64
stderr_is_one_line
stderr_has "--topks"
on 1 "$dsa" eval perplexity "$work/model" --text "$text" --ctx 128 --compare
stderr_is_one_line
stderr_has "--indexer"
on 2 "$dsa" eval perplexity "$work/model" --text "$text" --compare --attention dense
on 2 "$dsa" eval sparsity "$work/v32" --text "$text" --topks 0
on 2 "$dsa" eval sparsity "$work/v32" --text "$text" --attention dense
on 2 "$dsa" eval sparsity "$work/v32"
on 0 "$dsa" eval sparsity --help
stdout_has "Example"
finish
