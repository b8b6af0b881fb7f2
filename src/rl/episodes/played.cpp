#include "rl/episodes/played.h"

namespace dsa::rl {

Played played(const Wording& wording, const Seat& seat, std::span<const std::string> messages,
              std::int64_t context) {
  Played out;
  out.tokens = wording.prompt(seat);
  const auto episode = seat.task->begin();
  for (const std::string& message : messages) {
    for (const std::int32_t id : wording.message(message)) {
      out.written.push_back(static_cast<std::int32_t>(out.tokens.size()));
      out.tokens.push_back(id);
    }
    out.messages.push_back(message);
    const auto reply = episode->reply(message);
    if (!reply) break;
    const auto said = wording.reply(*reply);
    out.tokens.insert(out.tokens.end(), said.begin(), said.end());
  }
  out.score = episode->score();
  if (static_cast<std::int64_t>(out.tokens.size()) <= context) return out;
  out.cut = true;
  out.tokens.resize(static_cast<std::size_t>(context));
  while (!out.written.empty() && out.written.back() >= context) out.written.pop_back();
  return out;
}

}  // namespace dsa::rl
