// Any messages to a task of any domain: judged without a fault, within its bounds.  The first two bytes
// choose the task, a zero byte ends a message.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "rl/rewards/language.h"
#include "rl/tasks/domain.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dsa::rl;
  if (size < 2) return 0;
  const Domain& domain = domains()[data[0] % domains().size()];
  const int difficulty = data[1] % (kHardest + 1), number = data[1] / (kHardest + 1);
  const auto task = make_task(domain, {.number = number, .difficulty = difficulty});
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto episode = task->begin();
  int turns = 0;
  bool over = false;
  while (!over && !rest.empty()) {
    const auto message = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(message.size() + 1, rest.size()));
    DSA_CHECK(++turns <= task->turns());
    const auto reply = episode->reply(message);
    over = !reply;
    DSA_CHECK(over || reply->size() <= kLongestReply);
    const double share = language_share(message, Language::english);
    DSA_CHECK(share >= 0 && share <= 1);
  }
  const Score score = episode->score();
  DSA_CHECK(score.value >= 0 && score.value <= 1 && !score.reason.empty());
  DSA_CHECK(over || score.value == 0);
  return 0;
}
