// Hugging Face's tokenizer.json and the files beside it.
#pragma once

#include <filesystem>
#include <string_view>

#include "tokenizer/tokenizer_spec.h"

namespace dsa {

/// tokenizer.json alone, from memory; `who` names it in errors.  Throws Error on every component, option or
/// pattern that is not supported: nothing is ignored that could change a token.
TokenizerSpec parse_tokenizer_json(std::string_view text, std::string_view who);

/// Adds what tokenizer_config.json says: BOS, EOS, whether a prompt begins with BOS, the chat template.
void apply_tokenizer_config(std::string_view text, std::string_view who, TokenizerSpec& spec);

}  // namespace dsa
