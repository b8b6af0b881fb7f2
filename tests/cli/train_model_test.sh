# dsa train model: the folder it makes, that a killed training goes on to the same bits, and what bad input gets.
source "$(dirname "$0")/lib.sh"
needs_libtorch model

# A recipe: a small config with a prediction module, and a tokenizer of one token a byte.
"$tools/make_text_model" model "$tiny/deepseek_v32" "$work/recipe" || fail "no recipe"
rm "$work/recipe/model.safetensors"
sed -i 's/"num_nextn_predict_layers": 0/"num_nextn_predict_layers": 1/' "$work/recipe/config.json"
text=$work/text
some_text "$text"
options=(--text "$text" --ctx 48 --batch 2 --lr 1e-2 --rise 4 --threads 2)
command=("$dsa" train model --config "$work/recipe" "${options[@]}")
stages=(--stages dense:2,warmup:1,sparse:1)
train() { "${command[@]}" "$@"; }
from() { "$dsa" train model --config "$1" "${options[@]}" "${@:2}"; }

# A whole training, and what it leaves behind.
on 0 train --out "$work/whole" --tokens 3840 "${stages[@]}" --save-seconds 0 --held-out "$root/LICENSE"
stdout_has "40 steps"
stdout_has "attending to everything"
for file in config.json model.safetensors tokenizer.json README.md report.html train_log.jsonl checkpoint.safetensors; do
  [[ -s $work/whole/$file ]] || fail "$file is missing"
done
checks=$((checks + 1))
python3 - "$work/whole/train_log.jsonl" <<'PYTHON' || fail "the losses did not fall"
import json, math, sys
records = [json.loads(line) for line in open(sys.argv[1])]
steps = [r for r in records if not r.get("held_out")]
assert [r["stage"] for r in steps] == ["dense"] * 20 + ["warmup"] * 10 + ["sparse"] * 10, steps
losses = [r["main"]["language_model"] for r in steps if r["stage"] == "dense"]
assert sum(losses[-5:]) < 0.95 * sum(losses[:5]), losses
kl = [r["kl"] for r in steps if r["stage"] == "warmup"]
assert all(math.isfinite(v) and v > 0 for v in kl), kl  # ten small batches: too few to see it fall (model_trainer_test does)
assert {r["stage"] for r in records if r.get("held_out")} == {"dense", "warmup", "sparse"}, "no look at each stage's end"
PYTHON
grep -qE 'https?:|src=|<script' <(sed 's|http://www.w3.org/2000/svg||g' "$work/whole/report.html") && fail "the report needs a network"
grep -q '| sparse | 3840 |' "$work/whole/README.md" || fail "the model card lacks the last stage's figures"

# Our own loader opens it and selects with its indexers.
on 0 "$dsa" inspect "$work/whole" --json
json /architecture deepseek_v32
json /mtp_layers 1
on 0 "$dsa" run "$work/whole" --raw -p "The " --max-tokens 4 --temperature 0
on 0 "$dsa" eval perplexity "$work/whole" --text "$root/LICENSE" --ctx 48 --windows 2 --attention sparse
on 0 "$dsa" tokenize "$work/whole" --json <"$root/LICENSE"

# Killed at any moment and resumed, without being told what it is: the same bits.
killed "$work/killed" 12 40 "${command[@]}" --out "$work/killed" --tokens 3840 "${stages[@]}" --save-seconds 0
on 0 "$dsa" train model --text "$text" --threads 2 --out "$work/killed" --resume
same "$work/whole/model.safetensors" "$work/killed/model.safetensors"

# Ctrl-C saves, and leaves a model.
interrupted "$work/stopped" "${command[@]}" --out "$work/stopped" --tokens 38400
on 0 "$dsa" inspect "$work/stopped"

# --hours becomes tokens after 20 steps, or when it is over, and is kept.  Without a warm-up the indexers are not for use, and it says so.
on 0 train --out "$work/timed" --hours 0.0003 --stages dense
stdout_has "--attention dense"
hours_became_tokens "$work/timed/checkpoint.safetensors" dsa_train_model

# What bad input gets: one line, status 1, and what is there stays.
before=$(sha256sum "$work/whole/checkpoint.safetensors")
refused "--resume" train --out "$work/whole" --tokens 96
refused "started with --lr" train --out "$work/whole" --resume --lr 0.5
refused "no training to go on with" train --out "$work/none" --resume
refused "no checkpoint of dsa train indexer" "$dsa" train indexer --text "$text" --out "$work/whole" --resume
[[ $(sha256sum "$work/whole/checkpoint.safetensors") == "$before" ]] || fail "a refused training touched what was there"
refused "is there already" train --out "$work/recipe"
refused "--config is missing" "$dsa" train model --text "$text" --out "$work/x"
refused "expected a config.json" from "$work/nowhere" --out "$work/x"
refused "--stages" train --out "$work/x" --stages sparse:1
refused "would be all of them" train --out "$work/x" --ctx 24
refused "max_position_embeddings" train --out "$work/x" --ctx 257
refused "expected 0 to 1" train --out "$work/x" --mtp 2
printf 'A short text.' >"$work/short"
refused "a context takes 48" "$dsa" train model --config "$work/recipe" --ctx 48 --text "$work/short" --out "$work/x"
printf 'text\0more text' >"$work/binary"
refused "is not text" "$dsa" train model --config "$work/recipe" --text "$work/binary" --ctx 48 --out "$work/x"
[[ ! -e $work/x ]] || fail "a refused training left a folder"

# broken NAME SED: a recipe with another config.
broken() {
  cp -r "$work/recipe" "$work/$1"
  sed -i "$2" "$work/$1/config.json"
}
broken small_vocabulary 's/"vocab_size": 261/"vocab_size": 200/'
refused "do not belong together" from "$work/small_vocabulary" --out "$work/x"
broken tied 's/"tie_word_embeddings": false/"tie_word_embeddings": true/'
refused "tie_word_embeddings" from "$work/tied" --out "$work/x"
broken heads 's/"num_attention_heads": 5/"num_attention_heads": "five"/'
refused "num_attention_heads" from "$work/heads" --out "$work/x"
broken unknown 's/"vocab_size"/"never_heard_of": 1, "vocab_size"/'
on 0 from "$work/unknown" --out "$work/unknown_out" --tokens 96
stderr_has "never_heard_of"
refused "deepseek_v32 alone" from "$tiny/deepseek_v3" --tokenizer "$work/recipe/tokenizer.json" --out "$work/x"

# A number that is none stops it, and says where; the last good checkpoint stays.
cp -r "$work/whole" "$work/broken"
poison "$work/whole/checkpoint.safetensors" "$work/broken/checkpoint.safetensors" dsa_train_model model.layers.1.self_attn.indexer.wk.weight
before=$(sha256sum "$work/broken/checkpoint.safetensors")
refused "step 41, layer 1: the indexer's loss is not a finite number, on tokens" train --out "$work/broken" --resume "${stages[@]}"
[[ $(sha256sum "$work/broken/checkpoint.safetensors") == "$before" ]] || fail "the last good checkpoint was overwritten"

# A full disk: the checkpoint before it stays.
disk_fills 3 train --tokens 3840 --save-seconds 0
finish
