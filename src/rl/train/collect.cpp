#include "rl/train/collect.h"

#include <algorithm>

#include "base/rng.h"
#include "engine/model_runner.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kTasksAtATime = 32;
constexpr std::int64_t kTasksForOne = 10;  // are tried at most
constexpr std::uint64_t kCollects = std::uint64_t{11} << 32;

}  // namespace

std::optional<std::vector<Example>> collect(OpenedModel model, const Tokenizer& tokenizer,
                                            const CollectOrder& order, const Exec& exec,
                                            const std::atomic<bool>& cancel,
                                            const std::function<void(std::int64_t)>& progress) {
  const DomainShare alone[] = {order.domain.alone()};
  const TaskSource source(alone, order.settings);
  const Wording wording(model.files.config, tokenizer);
  const auto run = loaded(std::move(model), order.settings.context, kTasksAtATime * order.samples, exec);
  const CounterRng seeds(static_cast<std::uint64_t>(order.settings.seed), kCollects);
  std::vector<Example> out;
  for (std::int64_t first = 0; std::ssize(out) < order.episodes && first < kTasksForOne * order.episodes;
       first += kTasksAtATime) {
    std::vector<TaskSource::Drawn> drawn;
    std::vector<Seat> seats;
    for (std::int64_t i = 0; i < kTasksAtATime; ++i) drawn.push_back(source.training(first + i));
    for (const auto& d : drawn) seats.push_back(d.seat());
    ModelRunner runner(*run);
    auto groups = play(runner, wording, seats,
                       {.samples = order.samples,
                        .message_tokens = order.message_tokens,
                        .context = order.settings.context,
                        .seed = seeds.at(static_cast<std::uint64_t>(first)),
                        .run = run_options(order.settings)},
                       cancel);
    if (!groups) return std::nullopt;
    for (std::size_t g = 0; g < groups->size() && std::ssize(out) < order.episodes; ++g) {
      auto& group = (*groups)[g];
      const auto solved = std::ranges::find_if(group, [](const Played& p) { return p.score.value >= 1; });
      if (solved == group.end()) continue;
      out.push_back({.domain = order.domain.domain,
                     .id = drawn[g].task->id(),
                     .style = drawn[g].style,
                     .messages = std::move(solved->messages)});
    }
    if (progress) progress(std::ssize(out));
  }
  return out;
}

}  // namespace dsa::rl
