# dsa eval retrieval on tiny models: every cell is there, a run that was broken off goes on as if it had not been.
source "$(dirname "$0")/lib.sh"
"$tools/make_text_model" model "$tiny/llama_gqa" "$work/model" || fail "no model"
"$tools/make_text_model" indexer "$work/model" "$work/indexer" 2x8 16 || fail "no indexer"
"$tools/make_text_model" model "$tiny/deepseek_v32" "$work/v32" || fail "no model"
ask=("$dsa" eval retrieval "$work/model" --indexer "$work/indexer" --raw --lengths 512,448 --samples 3)

on 0 "${ask[@]}" --json --state "$work/state"
json /samples 24
json /cells/0/task single
json /cells/0/length 448
json /cells/7/task words
json /cells/7/length 512
json /cells/7/samples 3
json /cells/7/judged_by_match false
json /run/top_k 16
cp "$work/out" "$work/whole"
[[ $(wc -l <"$work/state") == 25 ]] || fail "the state has $(wc -l <"$work/state") lines"

# Nothing is left to do; then half of it, broken off within a line, with another number of threads.
on 0 "${ask[@]}" --json --state "$work/state"
cmp -s "$work/whole" "$work/out" || fail "the state gives other figures than the run"
head -c $(($(wc -c <"$work/state") / 2)) "$work/state" >"$work/half"
on 0 "${ask[@]}" --json --state "$work/half" --threads 1
cmp -s "$work/whole" "$work/out" || fail "a run that went on gives other figures"
[[ $(sort "$work/half") == "$(sort "$work/state")" ]] || fail "a run that went on wrote another state"
# More samples go on from it too; fewer take what there is of them.
on 0 "${ask[@]}" --samples 4 --tasks words --json --state "$work/half"
json /samples 8
on 0 "${ask[@]}" --samples 1 --tasks single,words --json --state "$work/half"
json /samples 4

# A top-k that leaves nothing out is dense attention, bit for bit.
on 0 "${ask[@]}" --top-k 1024 --tasks single --json
json /cells/0/log_prob_difference/mean 0.0
json /worse_cells 0

# The best selection in the indexer's place: other answers, a state of its own, dense if nothing is left out.
on 0 "${ask[@]}" --best --json --state "$work/best"
json /run/selection best
dense() { sed -n 's/"sparse":.*//p' "$1"; }
[[ $(dense "$work/best") == "$(dense "$work/state")" ]] || fail "--best changed what dense attention answers"
! cmp -s <(tail -n +2 "$work/best") <(tail -n +2 "$work/state") || fail "--best changed nothing"
on 1 "${ask[@]}" --best --state "$work/state"
stderr_has "another run"
on 0 "${ask[@]}" --best --top-k 1024 --tasks single --json
json /cells/0/log_prob_difference/mean 0.0
on 0 "${ask[@]}" --best --tasks single --samples 1
stdout_has "over the best 16 tokens"

# Another run on the same samples, beside this one.
on 0 "${ask[@]}" --state "$work/state" --against "$work/state"
stdout_has "sparse - its sparse"
stdout_has "all                  24  +0.000 (+0.000 .. +0.000)"
on 0 "${ask[@]}" --best --json --state "$work/best" --against "$work/state"
json /against/cells/7/samples 3
json /against/all/samples 24
on 1 "${ask[@]}" --seed 1 --against "$work/state"
stderr_is_one_line
stderr_has "seed is 0 there and 1 here"
on 1 "${ask[@]}" --against "$work/none"
stderr_is_one_line
stderr_has "no such file"
on 1 "${ask[@]}" --against "$work/model/config.json"
stderr_is_one_line
stderr_has "no --state"

head -c -20 "$work/state" >"$work/cut" # of a run that was killed while it wrote
on 0 "${ask[@]}" --json --state "$work/state" --against "$work/cut"
json /against/all/samples 23
head -3 "$work/state" | sed 's/"sample":[0-9]*/"sample":99/' >"$work/others"
on 1 "${ask[@]}" --state "$work/state" --against "$work/others"
stderr_has "no sample in common"
stdout_has "nats a token"

# Other weights that share every norm, and so the fingerprint, do not go on from it.
mkdir "$work/tuned"
cp -r "$work/model/." "$work/tuned"
one_weight_changed "$work/tuned/model.safetensors"
on 1 "$dsa" eval retrieval "$work/tuned" --indexer "$work/indexer" --raw --lengths 512,448 --samples 3 --state "$work/state"
stderr_is_one_line
stderr_has "weights_digest"

# A model with an indexer of its own; tables for a person.
on 0 "$dsa" eval retrieval "$work/v32" --raw --lengths 512 --tasks single --samples 2
stdout_has "match: dense"
stdout_has "sparse is significantly worse in 0 of 1 cells"
stdout_has "nats a token"

on 1 "${ask[@]}" --state "$work/state" --seed 1
stderr_is_one_line
stderr_has "another run"
on 1 "${ask[@]}" --lengths 64
stderr_is_one_line
stderr_has "--lengths"
on 1 "$dsa" eval retrieval "$work/model" --raw --lengths 512
stderr_is_one_line
stderr_has "--indexer"
on 1 "${ask[@]}" --state "$work/none/state"
stderr_is_one_line
stderr_has "No such file"
on 1 "$dsa" eval retrieval "$work/v32" --lengths 512 --tasks single --samples 1 --chat-format chatml
stderr_has "<|im_end|>"
on 2 "${ask[@]}" --chat-format nosuch
on 2 "${ask[@]}" --tasks poetry
on 2 "${ask[@]}" --attention dense
on 0 "$dsa" eval retrieval --help
stdout_has "Example"
finish
