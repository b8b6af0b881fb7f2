#include "rl/train/held_out.h"

#include <algorithm>

#include "engine/model_runner.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kAtATime = 64;  // episodes that have a place in the cache
constexpr std::int64_t kPassRows = 512;

}  // namespace

RunOptions run_options(const TaskSettings& settings) {
  return {.attention = settings.attention == "dense" ? AttentionMode::dense : AttentionMode::sparse};
}

std::unique_ptr<LoadedModel> loaded(OpenedModel opened, std::int64_t context, std::int64_t episodes,
                                    const Exec& exec) {
  return std::make_unique<LoadedModel>(std::move(opened),
                                       LoadOptions{.compute = Compute::f32,
                                                   .context = context,
                                                   .cache = context * std::min(episodes, kAtATime),
                                                   .chunk = kPassRows,
                                                   .threads = exec.threads()});
}

std::optional<Groups> play_held_out(OpenedModel model, const Tokenizer& tokenizer, const HeldOutTasks& what,
                                    const Exec& exec, const std::atomic<bool>& cancel,
                                    const std::function<void(std::int64_t)>& progress) {
  std::vector<TaskSource::Drawn> drawn;
  for (const DomainShare& domain : what.domains) {
    const DomainShare alone[] = {domain.alone()};
    const TaskSource source(alone, what.settings);
    for (std::int64_t i = 0; i < what.tasks; ++i) drawn.push_back(source.held_out(i));
  }
  std::vector<Seat> seats;
  for (const auto& d : drawn) seats.push_back(d.seat());
  const Wording wording(model.files.config, tokenizer);
  const auto run = loaded(std::move(model), what.settings.context, std::ssize(seats), exec);
  ModelRunner runner(*run);
  return play(runner, wording, seats,
              {.samples = 1,
               .message_tokens = what.message_tokens,
               .context = what.settings.context,
               .temperature = what.temperature,
               .run = run_options(what.settings)},
              cancel, progress);
}

}  // namespace dsa::rl
