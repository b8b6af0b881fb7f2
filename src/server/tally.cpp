#include "server/tally.h"

#include "base/numeric.h"

namespace dsa::server {

void Tally::take(std::size_t prompt, const Event& event) {
  accounts::TokenCounts& own = counts_[prompt * choices_ + usize(event.choice)];
  accounts::TokenCounts now = own;
  const bool first = event.choice == 0;
  if (const auto* reading = std::get_if<Reading>(&event.what); reading != nullptr && first) {
    now.hit = reading->cached;
    now.miss = reading->total;
  } else if (const auto* token = std::get_if<NewToken>(&event.what)) {
    now.output += token->stops ? 0 : 1;
    begun_ = true;
  } else if (const auto* finished = std::get_if<Finished>(&event.what)) {
    const Timings& t = finished->timings;
    now.output = t.completion_tokens;
    if (first) {
      now.hit = t.cached_tokens;
      now.miss = t.prompt_tokens - t.cached_tokens;
    }
  } else if (std::holds_alternative<PromptToken>(event.what)) {
    begun_ = true;
  }
  total_.hit += now.hit - own.hit;
  total_.miss += now.miss - own.miss;
  total_.output += now.output - own.output;
  own = now;
}

}  // namespace dsa::server
