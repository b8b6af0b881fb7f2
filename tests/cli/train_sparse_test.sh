# dsa train sparse: the folder it makes, that a killed training goes on to the same bits, and what bad input gets.
source "$(dirname "$0")/lib.sh"
needs_libtorch sparse

"$tools/make_text_model" model "$tiny/llama_gqa" "$work/model" || fail "no model"
"$tools/make_text_model" indexer "$work/model" "$work/indexer" 2x8 16 || fail "no indexer"
text=$work/text
some_text "$text"
command=("$dsa" train sparse --model "$work/model" --indexer "$work/indexer" --text "$text" --ctx 96 --lr 3e-3 --threads 2)
train() { "${command[@]}" "$@"; }

# A whole training, and what it leaves behind.
on 0 train --out "$work/whole" --tokens 2880 --save-seconds 0 --held-out "$root/LICENSE"
stdout_has "30 steps"
for file in config.json model.safetensors tokenizer.json indexer/config.json indexer/indexer.safetensors report.html train_log.jsonl checkpoint.safetensors; do
  [[ -s $work/whole/$file ]] || fail "$file is missing"
done
checks=$((checks + 1))
python3 - "$work/whole/train_log.jsonl" <<'PYTHON' || fail "the losses did not fall"
import json, sys
steps = [r for r in map(json.loads, open(sys.argv[1])) if not r.get("held_out")]
assert len(steps) == 30, len(steps)
loss, kl = [r["main"]["language_model"] for r in steps], [r["kl"] for r in steps]
assert sum(loss[-5:]) < 0.98 * sum(loss[:5]), loss
assert 0 < sum(kl[-5:]) < 1.1 * sum(kl[:5]), kl  # thirty short steps: the model moves more than the indexer learns
PYTHON
grep -qE 'https?:|src=|<script' <(sed 's|http://www.w3.org/2000/svg||g' "$work/whole/report.html") && fail "the report needs a network"

# It runs with the indexer inside it, and without; the indexer fits no other model.
on 0 "$dsa" eval perplexity "$work/whole" --text "$root/LICENSE" --ctx 96 --windows 2 --compare
on 0 "$dsa" eval perplexity "$work/whole" --text "$root/LICENSE" --ctx 96 --windows 2 --indexer none
on 0 "$dsa" inspect "$work/whole" --json
json /indexer/topk 16
refused "fingerprint" "$dsa" run "$work/model" -p a --raw --indexer "$work/whole/indexer"

# Killed at any moment and resumed: the same bits.
killed "$work/killed" 9 30 "${command[@]}" --out "$work/killed" --tokens 2880 --save-seconds 0
on 0 train --out "$work/killed" --resume
same "$work/whole/model.safetensors" "$work/killed/model.safetensors"
same "$work/whole/indexer/indexer.safetensors" "$work/killed/indexer/indexer.safetensors"

# Ctrl-C saves, and leaves a model.
interrupted "$work/stopped" "${command[@]}" --out "$work/stopped" --tokens 2880
on 0 "$dsa" inspect "$work/stopped"
on 0 train --out "$work/stopped" --resume
same "$work/whole/model.safetensors" "$work/stopped/model.safetensors"

# --hours becomes tokens after 20 steps, or when it is over, and is kept.
on 0 train --out "$work/timed" --hours 0.0003
hours_became_tokens "$work/timed/checkpoint.safetensors" dsa_train_sparse

# LoRA with a teacher, from the quantised GGUF: norms stay, so the base's fingerprint does; the folder is complete.
"$tools/make_text_model" indexer "$("$root/tools/fetch_model")" "$work/smol-indexer" 2x16 16 || fail "no indexer"
on 0 "$dsa" train sparse --indexer "$work/smol-indexer" --text "$text" --ctx 64 --lora 2 --distill 0.5 --tokens 192 --out "$work/lora"
stdout_has "3 steps"
printf 'Some text, 1234 and more.\n<|im_start|>' >"$work/words"
on 0 "$dsa" tokenize smollm2 --json <"$work/words"
cp "$work/out" "$work/ids"
on 0 "$dsa" tokenize "$work/lora" --json <"$work/words"
same "$work/ids" "$work/out"
on 0 "$dsa" run "$work/lora" -p hello --max-tokens 4 --temperature 0 --json

# What bad input gets: one line, status 1, and what is there stays.
before=$(sha256sum "$work/whole/checkpoint.safetensors")
refused "--resume" train --out "$work/whole" --tokens 64
refused "started with --lr" train --out "$work/whole" --resume --lr 0.5
refused "no training to go on with" train --out "$work/none" --resume
refused "--indexer is missing" "$dsa" train sparse --model "$work/model" --text "$text" --out "$work/x"
refused "is the model itself" train --out "$work/model"
refused "would be all of them" train --out "$work/x" --ctx 16
refused "was trained for 512" train --out "$work/x" --ctx 513
printf 'A short text.' >"$work/short"
refused "a context takes 96" "$dsa" train sparse --model "$work/model" --indexer "$work/indexer" --text "$work/short" --ctx 96 --out "$work/x"
refused "expected auto or f32" train --out "$work/x" --compute f64
refused "expected 0 to 1" train --out "$work/x" --distill 2
refused "latent attention" train --model "$tiny/deepseek_v3" --out "$work/x"
refused "was trained for a model with" train --indexer "$work/smol-indexer" --out "$work/x"
[[ ! -e "$work/x" ]] || fail "a refused training left a folder behind"
cp -r "$work/model" "$work/tuned"
one_weight_changed "$work/tuned/model.safetensors"
refused "give the file it began with" train --model "$work/tuned" --out "$work/whole" --resume
refused "no checkpoint of dsa train indexer" "$dsa" train indexer --model "$work/model" --text "$text" --ctx 96 --out "$work/whole" --resume
[[ $(sha256sum "$work/whole/checkpoint.safetensors") == "$before" ]] || fail "a refused training touched what was there"
on 2 "$dsa" train sparse --out "$work/x"

# A number that is none stops it, and says where; the last good checkpoint stays.
cp -r "$work/whole" "$work/broken"
poison "$work/whole/checkpoint.safetensors" "$work/broken/checkpoint.safetensors" dsa_train_sparse model.layers.1.self_attn.indexer.wk.weight
before=$(sha256sum "$work/broken/checkpoint.safetensors")
refused "step 31, layer 1: the indexer's loss is not a finite number, on tokens" train --out "$work/broken" --resume
[[ $(sha256sum "$work/broken/checkpoint.safetensors") == "$before" ]] || fail "the last good checkpoint was overwritten"

# A full disk: the checkpoint before it stays.
disk_fills 2 train --tokens 2880 --save-seconds 0
finish
