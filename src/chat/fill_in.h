// A gap in a text, as models that were trained to fill one are asked for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace dsa {

/// Ids of a prompt whose answer stands between `before` and `after`.  Nothing, if the vocabulary has no
/// tokens for it; what the texts spell stays text.
std::optional<std::vector<std::int32_t>> fill_in_prompt(const Tokenizer& tokenizer, std::string_view before,
                                                        std::string_view after);

}  // namespace dsa
