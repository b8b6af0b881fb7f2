// The vocabulary in a GGUF's metadata.
#pragma once

#include "checkpoint/gguf.h"
#include "tokenizer/tokenizer_spec.h"

namespace dsa {

/// Throws Error if it is no byte-level BPE ("gpt2") or its pre-tokenizer is not a known one.
TokenizerSpec spec_from_gguf(const GgufFile& file);

}  // namespace dsa
