# dsa train text: what it makes, that a stopped command goes on to the same bytes, and that trainings read all of it.
source "$(dirname "$0")/lib.sh"
"$tools/make_text_model" chat "$tiny/llama_gqa" "$work/model" || fail "no model"
text=$work/text
some_text "$text"
command=("$dsa" train text --model "$work/model" --text "$text")
make() { "${command[@]}" "$@"; }
# All of a folder's files with their contents.
contents() { (cd "$1" && find . -type f | sort | xargs sha256sum); }
same_contents() {
  checks=$((checks + 1))
  [[ $(contents "$1") == "$(contents "$2")" ]] || fail "$1 and $2 differ"
}

on 0 make --out "$work/whole" --retrieval 3 --chat 2
stdout_has "5 documents, 5 made now"
stdout_has "$work/whole/text"
stderr_empty
[[ $(ls "$work/whole/text") == "$(printf '%s\n' chat-00{0,1}.chat.json retrieval-00{0,1,2}.txt)" ]] || fail "other files: $(ls "$work/whole/text")"
checks=$((checks + 1))
python3 - "$work/whole" <<'PYTHON' || fail "the documents are not what they should be"
import hashlib, json, os, sys
folder = sys.argv[1]
manifest = json.load(open(folder + "/manifest.json"))
assert manifest["count"] == 5 and manifest["ctx"] == 512 and manifest["seed"] == 0, manifest
assert manifest["tokens"] == sum(d["tokens"] for d in manifest["documents"])
for d in manifest["documents"]:
    data = open(os.path.join(folder, d["file"]), "rb").read()
    assert len(data) == d["bytes"] and hashlib.sha256(data).hexdigest() == d["sha256"] and d["tokens"] >= 512, d
    if d["file"].endswith(".json"):
        messages = json.loads(data)["messages"]
        assert len(messages) >= 3, messages
        assert [m["role"] for m in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"] * (len(messages) % 2)
        assert all(m["content"].strip() for m in messages)
PYTHON

# The same bytes again, whatever the threads; others for another seed.
on 0 make --out "$work/again" --retrieval 3 --chat 2 --threads 1
same_contents "$work/whole" "$work/again"
on 0 make --out "$work/other" --retrieval 3 --chat 2 --seed 1
for file in chat-000.chat.json retrieval-000.txt; do
  checks=$((checks + 1))
  cmp -s "$work/whole/text/$file" "$work/other/text/$file" && fail "$file does not depend on the seed"
done

# What is there is kept; what is missing is made, to the same bytes; larger numbers add more.
on 0 make --out "$work/again" --retrieval 3 --chat 2
stdout_has "5 documents, 0 made now"
rm "$work/again/text/chat-000.chat.json" "$work/again/text/retrieval-001.txt"
on 0 make --out "$work/again" --retrieval 3 --chat 2
stdout_has "2 made now"
same_contents "$work/whole" "$work/again"
on 0 make --out "$work/more" --retrieval 2 --chat 0
stdout_has "2 documents, 2 made now"
on 0 make --out "$work/more" --retrieval 3 --chat 1
on 0 make --out "$work/more" --retrieval 0 --chat 2
stdout_has "5 documents, 1 made now"
same_contents "$work/whole" "$work/more"

# Ctrl-C and a kill at any moment leave whole documents.
for signal in INT KILL; do
  "${command[@]}" --out "$work/$signal" --retrieval 3 --chat 400 >/dev/null 2>"$work/err" &
  victim=$!
  for _ in $(seq 600); do
    [[ -e $work/$signal/text/chat-002.chat.json ]] && break
    sleep 0.05
  done
  kill "-$signal" "$victim"
  wait "$victim" 2>/dev/null
  status=$?
  [[ $signal == KILL || $status == 130 ]] || fail "an interrupted command ends with $status"
  [[ ! -e $work/$signal/text/chat-399.chat.json ]] || fail "it was over before it was stopped"
  on 0 make --out "$work/$signal" --retrieval 3 --chat 2
  same "$work/whole/text/chat-001.chat.json" "$work/$signal/text/chat-001.chat.json"
done

# Trainings and measurements read them, in the chat format; --resume knows them again.
train() { "$dsa" train indexer --model "$work/model" --ctx 128 --rows 16 --top-k 16 "$@"; }
on 0 train --text "$text" "$work/whole/text" --held-out "$work/whole/text/chat-000.chat.json" --out "$work/indexer" --tokens 1024
on 0 train --text "$text" "$work/whole/text" --held-out "$work/whole/text/chat-000.chat.json" --out "$work/indexer" --resume
cp -r "$work/whole" "$work/changed"
sed -i '0,/"content": "./s//&x/' "$work/changed/text/chat-001.chat.json"
refused "the text given has" train --text "$text" "$work/changed/text" --out "$work/indexer" --resume
on 0 "$dsa" eval perplexity "$work/model" --text "$work/whole/text" --ctx 256 --windows 2
on 0 "$dsa" eval sparsity "$work/model" --indexer "$work/indexer" --text "$work/whole/text/chat-000.chat.json" --ctx 128 --topks 16 --windows 1 --no-perplexity

# What bad input gets: one line, status 1.
refused "was changed since it was made" make --out "$work/changed" --retrieval 3 --chat 2
refused "seed 0, not 9" make --out "$work/whole" --seed 9
refused "passages_sha256" "$dsa" train text --model "$work/model" --text "$root/LICENSE" --out "$work/whole"
refused "lies inside the text it is made from" make --out "$text/more"
refused "holds no manifest.json" make --out "$work"
refused "nothing is to be made" make --out "$work/x" --retrieval 0 --chat 0
refused "no such file" "$dsa" train text --model "$work/model" --text "$work/none" --out "$work/x"
refused "was trained for 512" make --out "$work/x" --ctx 513
printf x >"$work/file"
refused "cannot create the folder" make --out "$work/file/x"
"$tools/make_text_model" model "$tiny/llama_gqa" "$work/plain" || fail "no model"
refused "give --chat 0" "$dsa" train text --model "$work/plain" --text "$text" --out "$work/x"
refused "<|eot_id|>" "$dsa" train text --model "$work/model" --text "$text" --out "$work/x" --chat-format llama-3
[[ ! -e $work/x ]] || fail "a refused command left something behind"
on 0 "$dsa" train text --model "$work/plain" --text "$text" --out "$work/x" --chat 0 --retrieval 1
refused "chat-000.chat.json: this model cannot read a conversation" "$dsa" eval perplexity "$work/plain" --text "$work/whole/text" --ctx 256
printf '{"messages": [{"role": "robot", "content": "a"}]}' >"$work/bad.chat.json"
refused "bad.chat.json: message 1: the role is \"robot\"" train --text "$work/bad.chat.json" --out "$work/y"
printf '{"messages": [{"role": "user", "content": "short"}]}' >"$work/short.chat.json"
refused "the longest document has" "$dsa" eval perplexity "$work/model" --text "$work/short.chat.json" --ctx 256
on 2 make
on 2 make --out "$work/z" --retrieval -1
finish
