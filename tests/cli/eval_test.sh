# dsa eval perplexity: the figures against the logits verb's file, and what bad input gets.
source "$(dirname "$0")/lib.sh"

text=$root/LICENSE
on 0 "$dsa" eval perplexity smollm2 --text "$text" --ctx 64 --windows 1 --compute f32 --json
json /windows 1
json /tokens 63
cp "$work/out" "$work/perplexity"

# The same from the logits of the same tokens, by other code.
"$dsa" tokenize smollm2 <"$text" | cut -d, -f1-64 >"$work/ids"
on 0 "$dsa" logits smollm2 --tokens "@$work/ids" --compute f32 --out "$work/logits"
checks=$((checks + 1))
python3 - "$work/perplexity" "$work/logits" <<'PYTHON' || fail "perplexity is not that of the logits"
import array, json, math, struct, sys
said = json.load(open(sys.argv[1]))
data = open(sys.argv[2], "rb").read()
head = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + head])
def tensor(name, kind):
    begin, end = header[name]["data_offsets"]
    return array.array(kind, data[8 + head + begin:8 + head + end])
tokens, logits, vocab = tensor("tokens", "q"), tensor("logits", "f"), header["logits"]["shape"][1]
nll = []
for t in range(63):
    row = logits[t * vocab:(t + 1) * vocab]
    top = max(row)
    nll.append(math.log(math.fsum(math.exp(x - top) for x in row)) + top - row[tokens[t + 1]])
assert len(tokens) == 64, len(tokens)
assert abs(said["nll"] - sum(nll) / 63) < 1e-4, (said["nll"], sum(nll) / 63)
assert abs(said["perplexity"] - math.exp(sum(nll) / 63)) < 1e-4 * said["perplexity"]
assert said["second_half"]["tokens"] == 32 and abs(said["second_half"]["nll"] - sum(nll[31:]) / 32) < 1e-4
PYTHON

on 0 "$dsa" eval perplexity smollm2 --text "$text" --ctx 64 --windows 1
stdout_has "the second half"

on 2 "$dsa" eval
on 2 "$dsa" eval perplexity smollm2
on 1 "$dsa" eval perplexity smollm2 --text "$work/none"
stderr_is_one_line
stderr_has "no such file"
printf 'a\0b' >"$work/binary"
on 1 "$dsa" eval perplexity smollm2 --text "$work/binary"
stderr_is_one_line
stderr_has "not text"
printf 'too short' >"$work/short"
on 1 "$dsa" eval perplexity smollm2 --text "$work/short" --ctx 64
stderr_is_one_line
stderr_has "--ctx"
on 1 "$dsa" eval perplexity smollm2 --text "$text" --ctx 64 --attention sparse --indexer none
stderr_is_one_line
stderr_has "no indexer"
stdout_empty

# a conversation is read in the chat format that is named
echo '{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello."}]}' >"$work/a.chat.json"
on 0 "$dsa" eval perplexity smollm2 --text "$work/a.chat.json" --ctx 8 --chat-format chatml
on 1 "$dsa" eval perplexity smollm2 --text "$work/a.chat.json" --ctx 8 --chat-format llama-3
stderr_has "<|eot_id|>"
finish
