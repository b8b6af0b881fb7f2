// Rendered prompts to ids.
#include <algorithm>

#include "base/error.h"
#include "chat/chat_format.h"

namespace dsa {
namespace {

std::int32_t control_id(const Tokenizer& tokenizer, std::string_view token) {
  const std::optional<std::int32_t> id = tokenizer.token_id(token);
  if (!id)
    fail(
        "chat: the chat format uses the token {}, which the model's vocabulary does not have: "
        "choose another `chat_format`, or `raw` for plain completion",
        printable(token));
  return *id;
}

}  // namespace

std::vector<std::int32_t> encode_chat(const Tokenizer& tokenizer, std::span<const Segment> prompt,
                                      SpecialTokens typed) {
  std::vector<std::int32_t> ids;
  std::string text;
  const auto flush = [&] {
    if (text.empty()) return;
    const std::vector<std::int32_t> part = tokenizer.encode(text, typed);
    ids.insert(ids.end(), part.begin(), part.end());
    text.clear();
  };
  for (const Segment& segment : prompt) {
    if (!segment.control || (segment.mark && !tokenizer.token_id(segment.text))) {
      text += segment.text;
      continue;
    }
    flush();
    if (segment.text != kBosToken)
      ids.push_back(control_id(tokenizer, segment.text));
    else if (const auto bos = tokenizer.bos())
      ids.push_back(*bos);
  }
  flush();
  return ids;
}

std::vector<std::int32_t> stop_ids(const Tokenizer& tokenizer, const ChatFormat& format) {
  std::vector<std::int32_t> ids{control_id(tokenizer, format.stop_tokens().front())};
  const auto add = [&](std::int32_t id) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  for (const std::string& token : format.stop_tokens())
    if (const auto id = tokenizer.token_id(token)) add(*id);
  for (const std::int32_t id : tokenizer.eos_ids()) add(id);
  return ids;
}

}  // namespace dsa
