# Files that dsa writes and reads, from the shell's side: links, pipes, models that change or cannot run.
source "$(dirname "$0")/lib.sh"

model=$tiny/llama_gqa
logits=("$dsa" logits "$model" --tokens 1,2,3)

# to stdout, to a pipe and through a link: the bytes of a plain file
on 0 "${logits[@]}" --out "$work/plain"
on 0 bash -c '"$@" --out - >'"$work/stdout" _ "${logits[@]}"
same "$work/plain" "$work/stdout"
on 0 bash -c '"$@" --out /dev/stdout | cat >'"$work/pipe" _ "${logits[@]}"
same "$work/plain" "$work/pipe"
printf 'old' >"$work/target"
chmod 640 "$work/target"
ln -s target "$work/link"
on 0 "${logits[@]}" --out "$work/link"
[[ -L $work/link && $(stat -c %a "$work/target") == 640 ]] || fail "the link or the mode of its target is gone"
same "$work/plain" "$work/target"
mkfifo "$work/fifo"
cat "$work/fifo" >"$work/through" &
reader=$!
on 0 "${logits[@]}" --out "$work/fifo"
if [[ ! -p $work/fifo ]]; then
  fail "the FIFO was replaced"
  kill "$reader" # nobody will write to it
fi
wait "$reader"
same "$work/plain" "$work/through"

# a model that is cut short while it is in use ends the program with a line
"$tools/make_text_model" chat "$model" "$work/chat" || fail "make_text_model"
mkfifo "$work/in"
"$dsa" chat "$work/chat" --compute f32 --max-tokens 2 --temperature 0 <"$work/in" >"$work/out" 2>"$work/err" &
pid=$!
exec 3>"$work/in"
echo "one" >&3
for _ in $(seq 1200); do
  [[ -s $work/out ]] && break
  sleep 0.05
done
truncate -s 100 "$work/chat/model.safetensors"
echo "two" >&3
exec 3>&-
wait "$pid"
status=$?
checks=$((checks + 1))
[[ $status == 1 ]] || fail "a model cut short: status $status, expected 1"
stderr_has "SIGBUS"

# inspect says of a model that it cannot be run where run would
python3 - "$tiny/qwen3" "$work/packed" <<'PYTHON' || fail "no packed model"
import json, os, shutil, struct, sys
source, folder = sys.argv[1:]
shutil.copytree(source, folder)
path = os.path.join(folder, "model.safetensors")
data = open(path, "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header, values = json.loads(data[8:8 + size]), data[8 + size:]
out, body = {}, b""
for name, t in header.items():
    if name == "__metadata__":
        continue
    begin, end = t["data_offsets"]
    part = values[begin:end]
    if name.endswith("up_proj.weight"):
        rows, cols = t["shape"]
        t, part = {"dtype": "U8", "shape": [rows, cols // 2]}, bytes(rows * (cols // 2))
    out[name] = {"dtype": t["dtype"], "shape": t["shape"], "data_offsets": [len(body), len(body) + len(part)]}
    body += part
text = json.dumps(out).encode()
os.remove(path)
open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)
PYTHON
refused "4-bit" "$dsa" inspect "$work/packed"
stdout_has "problem"
grep -q "will run" "$work/out" && fail "kernels are promised to a model that cannot run"
refused "4-bit" "$dsa" inspect "$work/packed" --json
grep -q "4-bit" "$work/out" || fail "no problem in the JSON"
refused "4-bit" "$dsa" logits "$work/packed" --tokens 1 --out "$work/none"
finish
