# Three V3.2 layers of the published shapes (one dense, two with 256 experts; the weights are holes, so zeros) compute under a
# memory limit far below their size on disk: weights are read where they are mapped.
source "$(dirname "$0")/lib.sh"

mkdir "$work/v32"
bytes=$("$tools/make_v32_folder" "$work/v32" 3 1) || fail "make_v32_folder"
((bytes > 25000000000)) || fail "the folder seems to hold $bytes bytes, expected 27 GB"

# 2 GB of heap, stack, cache and scratch; mapped files do not count.
on 0 bash -c "ulimit -d 2000000; exec \"\$@\"" _ "$dsa" logits "$work/v32" --tokens 1,2,3,4 --ctx 4096 --out "$work/l.safetensors"
((status == 0)) || cat "$work/err"
header=$(od -An -tu8 -N8 "$work/l.safetensors" | tr -d ' ')
size=$(stat -c %s "$work/l.safetensors")
((size == 8 + header + 4 * 8 + 4 * 129280 * 4)) || fail "logits file has $size bytes"
finish
