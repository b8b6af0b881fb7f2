# dsa inspect: what the table says is what the files hold.
source "$(dirname "$0")/lib.sh"

on 0 "$dsa" inspect smollm2
stderr_empty
stdout_has "134.5M (134515008)"
stdout_has "Q4_1"
# 30 layers x (3 KV heads x (64 + 64) + an index key of 32) x 2 bytes
stdout_has "24960 bytes a token"
stdout_has "models/smollm2-135m-instruct-indexer"
stdout_has "smollm, 49152 tokens"
stdout_has "ref "
on 0 "$dsa" inspect smollm2 --json
json /parameters 134515008
json /architecture llama
json /layers 30
json /cache_bytes_per_token 24960
json /cache_bytes_per_token_f32 49920
json /context 8192
json /rows_a_pass 512
json /indexer/heads 4
json /indexer/topk 512

on 0 env DSA_KERNELS=ref "$dsa" inspect smollm2 --json
json /kernels/chosen ref
on 1 env DSA_KERNELS=nosuch "$dsa" inspect smollm2
stderr_has "ref"
stderr_is_one_line

models=0
for folder in "$tiny"/*/; do
  [[ -f $folder/config.json ]] || continue
  models=$((models + 1))
  on 0 "$dsa" inspect "$folder" --json
  json /format "Hugging Face"
  on 0 "$dsa" inspect "$folder"
done
((models >= 6)) || fail "only $models tiny checkpoints were found in $tiny"
finish
