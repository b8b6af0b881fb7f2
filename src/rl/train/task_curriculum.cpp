#include <algorithm>
#include <numeric>

#include "base/draws.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "rl/rewards/language.h"
#include "rl/train/batch.h"
#include "rl/train/curriculum.h"
#include "rl/train/held_out.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kSftLookTasks = 24;  // of each domain
constexpr std::int64_t kLookMessage = 256;  // tokens
constexpr std::uint64_t kEpochs = std::uint64_t{10} << 32;
constexpr std::uint64_t kMixing = std::uint64_t{12} << 32;
constexpr double kForeign = 0.5;  // of the words of a mixed solution, about

}  // namespace

TaskCurriculum::TaskCurriculum(std::span<const DomainShare> domains, const SftSettings& settings,
                               const Wording& wording, std::span<const Example> examples)
    : domains_(domains),
      settings_(settings),
      wording_(wording),
      examples_(examples),
      source_(domains, settings),
      order_(examples.size()) {}

Played TaskCurriculum::solution(std::int64_t place) const {
  const auto drawn = source_.training(place);
  auto messages = drawn.task->solution(drawn.style);
  const CounterRng rng(static_cast<std::uint64_t>(settings_.seed), kMixing);
  const auto at = static_cast<std::uint64_t>(place) * 2;
  if (rng.unit(at) < settings_.mixed)
    for (auto& message : messages) message = mixed_languages(message, kForeign, rng.at(at + 1));
  return played(wording_, drawn.seat(), messages, settings_.context);
}

Played TaskCurriculum::at(std::int64_t place) {
  if (examples_.empty()) return solution(place);
  const std::int64_t epoch = place / std::ssize(order_);
  if (epoch != epoch_) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    Draws(static_cast<std::uint64_t>(settings_.seed), kEpochs + static_cast<std::uint64_t>(epoch))
        .shuffle(order_);
    epoch_ = epoch;
  }
  const Example& e = examples_[order_[static_cast<std::size_t>(place % std::ssize(order_))]];
  const auto task = make_task(*e.domain, e.id);
  return played(wording_, {.task = task.get(), .style = e.style, .instruction = e.domain->instruction},
                e.messages, settings_.context);
}

std::optional<train::RewardRecord> TaskCurriculum::look(OpenedModel model, const Exec& exec,
                                                        const std::atomic<bool>& cancel) {
  const auto groups = play_held_out(std::move(model), wording_.tokenizer(),
                                    {.domains = domains_,
                                     .settings = settings_,
                                     .message_tokens = std::min(kLookMessage, settings_.context),
                                     .tasks = kSftLookTasks},
                                    exec, cancel);
  if (!groups) return std::nullopt;
  return record_of(*groups, {}, [&](std::size_t g) {
    return std::string(domains_[g / usize(kSftLookTasks)].domain->name);
  });
}

}  // namespace dsa::rl
