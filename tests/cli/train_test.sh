# dsa train: what it makes, that a killed training goes on to the same bits, and what bad input gets.
source "$(dirname "$0")/lib.sh"

text=$work/text
some_text "$text"
command=("$dsa" train indexer --text "$text" --ctx 64 --rows 16 --top-k 16)
train() { "${command[@]}" "$@"; }

# A whole training, and what it leaves behind.
base=$(sha256sum "$("$root/tools/fetch_model")")
on 0 train --out "$work/whole" --tokens 1500 --save-seconds 0
stdout_has "24 steps"
[[ $(sha256sum "$("$root/tools/fetch_model")") == "$base" ]] || fail "the base model's file changed"
for file in config.json indexer.safetensors README.md report.html train_log.jsonl checkpoint.safetensors; do
  [[ -s $work/whole/$file ]] || fail "$file is missing"
done
[[ $(wc -l <"$work/whole/train_log.jsonl") == 24 ]] || fail "the log has not one line a step"
checks=$((checks + 1))
python3 - "$work/whole/train_log.jsonl" <<'PYTHON' || fail "the loss did not fall"
import json, sys
kl = [json.loads(line)["kl"] for line in open(sys.argv[1])]
assert sum(kl[-4:]) < 0.8 * sum(kl[:4]), kl
PYTHON
grep -qE 'https?:|src=|<script' <(sed 's|http://www.w3.org/2000/svg||g' "$work/whole/report.html") && fail "the report needs a network"

# The indexer runs.
on 0 "$dsa" eval perplexity smollm2 --text "$root/LICENSE" --ctx 64 --windows 1 --attention sparse --indexer "$work/whole" --json
json /attention sparse

# Killed at any moment, resumed with another number of threads: the same bits.
killed "$work/killed" 9 24 "${command[@]}" --out "$work/killed" --tokens 1500 --save-seconds 0 --threads 1
on 0 train --out "$work/killed" --resume --threads 2
same "$work/whole/indexer.safetensors" "$work/killed/indexer.safetensors"
[[ $(wc -l <"$work/killed/train_log.jsonl") == 24 ]] || fail "a resumed log has steps twice or not at all"

# Ctrl-C saves.
interrupted "$work/stopped" "${command[@]}" --out "$work/stopped" --tokens 1500
on 0 train --out "$work/stopped" --resume
same "$work/whole/indexer.safetensors" "$work/stopped/indexer.safetensors"

# --hours becomes tokens after 20 steps, or when it is over, and is kept.
on 0 train --out "$work/timed" --hours 0.0006
hours_became_tokens "$work/timed/checkpoint.safetensors" dsa_train

# Held-out text is looked at, another target and a curriculum are taken.
on 0 "$dsa" train indexer --text "$text" --held-out "$root/LICENSE" --curriculum 32:1,64:1 --rows 8 --target blend --tokens 640 --out "$work/more"
grep -q held_out "$work/more/train_log.jsonl" || fail "held-out text was not looked at"

# What bad input gets: one line, status 1, and what is there stays.
before=$(sha256sum "$work/whole/checkpoint.safetensors")
refused "--resume" train --out "$work/whole" --tokens 64
refused "started with --lr" train --out "$work/whole" --resume --lr 0.5
refused "no training to go on with" train --out "$work/none" --resume
refused "no such file" train --out "$work/x" --text "$work/none"
printf 'a\0b' >"$work/binary"
refused "not text" train --out "$work/x" --text "$work/binary"
refused "a context takes 8192" "$dsa" train indexer --text "$root/LICENSE" --out "$work/x"
refused "was trained for 8192" "$dsa" train indexer --text "$root/LICENSE" --out "$work/x" --ctx 9000
refused "sum, max or blend" train --out "$work/x" --target mean
refused "latent attention" train --model "$tiny/deepseek_v3" --out "$work/x"
refused "no such" train --model "$work/none" --out "$work/x"
printf '%s' text >"$work/file"
refused "cannot create the folder" train --out "$work/file/x"
[[ ! -e "$work/x" ]] || fail "a refused training left a folder behind"
"$tools/make_text_model" model "$tiny/llama_gqa" "$work/model" || fail "no model"
small=("$dsa" train indexer --model "$work/model" --text "$text" --ctx 64 --rows 16 --top-k 16 --out "$work/small")
on 0 "${small[@]}" --tokens 64
one_weight_changed "$work/model/model.safetensors"
refused "give the file it began with" "${small[@]}" --resume
refused "the text given has" "$dsa" train indexer --text "$root/LICENSE" --out "$work/whole" --resume
cp -r "$work/whole" "$work/cut"
head -c 100000 "$work/whole/checkpoint.safetensors" >"$work/cut/checkpoint.safetensors"
refused "checkpoint.safetensors" train --out "$work/cut" --resume
[[ $(sha256sum "$work/whole/checkpoint.safetensors") == "$before" ]] || fail "a refused training touched what was there"
on 2 "$dsa" train
on 2 "$dsa" train indexer --out "$work/x"
on 2 train --out "$work/x" --tokens 64 --hours 1
on 2 train --out "$work/x" --hours nan
echo '{"messages": [{"role": "user", "content": "Hello"}]}' >"$work/a.chat.json"
on 1 "$dsa" train indexer --text "$work/a.chat.json" --ctx 8 --chat-format llama-3 --out "$work/x"
stderr_has "<|eot_id|>"

# A full disk: the checkpoint before it stays.
disk_fills 40 train --tokens 3000 --save-seconds 0

# A number that is none stops it, and says where.
mkdir "$work/broken"
poison "$work/whole/checkpoint.safetensors" "$work/broken/checkpoint.safetensors" dsa_train model.layers.3.self_attn.indexer.wk.weight
before=$(sha256sum "$work/broken/checkpoint.safetensors")
refused "step 25, layer 3: the indexer's loss is not a finite number, on tokens" train --out "$work/broken" --resume
[[ $(sha256sum "$work/broken/checkpoint.safetensors") == "$before" ]] || fail "the last good checkpoint was overwritten"
finish
