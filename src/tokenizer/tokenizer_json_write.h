// Hugging Face's tokenizer files for a tokenizer that came from elsewhere.
#pragma once

#include <string>

#include "tokenizer/tokenizer_spec.h"

namespace dsa {

/// tokenizer.json: parse_tokenizer_json() reads the same tokenizer back, and so do transformers'
/// `tokenizers`. Throws Error if no such file can describe it.
std::string tokenizer_json(const TokenizerSpec& spec);

/// tokenizer_config.json: BOS, EOS, whether a prompt begins with BOS, the chat template.
/// `max_length`: of a prompt, tokens.
std::string tokenizer_config_json(const TokenizerSpec& spec, std::int64_t max_length);

}  // namespace dsa
