#include "chat/fill_in.h"

#include <array>

namespace dsa {
namespace {

// What stands in front of the text before the gap, of the text behind it, and of the answer.
struct Marks {
  std::string_view before, after, answer;
};
constexpr std::array<Marks, 3> kMarks{{
    {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},  // DeepSeek
    {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},  // Qwen2.5-Coder, Qwen3
    {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},        // StarCoder
}};

}  // namespace

std::optional<std::vector<std::int32_t>> fill_in_prompt(const Tokenizer& tokenizer, std::string_view before,
                                                        std::string_view after) {
  for (const Marks& marks : kMarks) {
    const auto first = tokenizer.token_id(marks.before);
    const auto second = tokenizer.token_id(marks.after);
    const auto third = tokenizer.token_id(marks.answer);
    if (!first || !second || !third) continue;
    std::vector<std::int32_t> ids = tokenizer.prefix_ids();
    const auto add = [&](std::int32_t mark, std::string_view text) {
      ids.push_back(mark);
      const auto more = tokenizer.encode(text, SpecialTokens::as_text);
      ids.insert(ids.end(), more.begin(), more.end());
    };
    add(*first, before);
    add(*second, after);
    ids.push_back(*third);
    return ids;
  }
  return std::nullopt;
}

}  // namespace dsa
