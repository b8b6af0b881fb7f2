# dsa inspect on DeepSeek-V3.2 as published, header for header, in 163 sparse files: seconds, and little memory.
source "$(dirname "$0")/lib.sh"

mkdir "$work/v32"
"$tools/make_v32_folder" "$work/v32" >"$work/out" || fail "make_v32_folder"

# 500 MB of heap and stack are the limit; mapped files (690 GB of address space) do not count.
on 0 bash -c "ulimit -d 500000; exec \"\$@\"" _ "$dsa" inspect "$work/v32" --json
json /parameters 685355329792
json /architecture deepseek_v32
json /layers 61
json /mtp_layers 1
json /indexer/topk 2048
# 61 layers x (512 + 64 + 128) x 2 bytes
json /cache_bytes_per_token 85888
json /tensor_types/F8_E4M3/tensors 45932
on 0 "$dsa" inspect "$work/v32"
stdout_has "685.4B"
stdout_has "F8_E4M3"
stdout_has "85888 bytes a token"
finish
