#include "train/loop/training_run.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/fingerprint.h"

namespace dsa::train {

void note(TrainLog& log, StepRecord record, double seconds, const TrainerEvents& events) {
  record.seconds = seconds;
  record.elapsed = log.elapsed() + seconds;
  log.add(record);
  if (events.step) events.step(record);
}

Identity identity_of(const ModelFiles& files, std::span<const Document> text) {
  return {.model = fingerprint(*files.tensors, files.config),
          .weights = weights_digest(*files.tensors),
          .corpus = corpus_hash(text)};
}

void refuse_second_training(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / kCheckpointFile))
    fail("{}: a training lies here already: --resume goes on with it, another --out begins a new one",
         printable(folder.string(), 1000));
}

void check_identity(const Identity& then, const Identity& now, const std::filesystem::path& model,
                    const std::filesystem::path& folder) {
  const std::string who = printable((folder / kCheckpointFile).string(), 1000);
  if (now.model != then.model)
    fail("{}: was trained for the model with fingerprint {}, {} has {}", who, printable(then.model),
         printable(model.string(), 1000), now.model);
  if (!then.weights.empty() && now.weights != then.weights)
    fail(
        "{}: was trained on weights with digest {}, {} has {}: another quantisation, or trained further; "
        "give the file it began with",
        who, printable(then.weights), printable(model.string(), 1000), now.weights);
  if (then.weights.empty() && !now.weights.empty())
    spdlog::warn("{}: has no digest of the weights it was trained on: not checked that {} holds the same",
                 who, printable(model.string(), 1000));
  if (now.corpus != then.corpus)
    fail("{}: was trained on text with SHA-256 {}, --text now has {}: give the same files", who,
         printable(then.corpus), now.corpus);
}

std::string name_of(std::span<const Document> text, const Window& window, std::int64_t length) {
  return fmt::format("tokens {} to {} of {}", window.first, window.first + length,
                     printable(text[window.document].path.string(), 1000));
}

double norm_of(std::span<const float> values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(squares);
}

double clip_norm(std::span<float> values, double clip) {
  const double norm = norm_of(values);
  if (!(norm > clip)) return norm;
  const auto factor = static_cast<float>(clip / norm);
  for (float& v : values) v *= factor;
  return norm;
}

std::vector<double> clip_layers(IndexerTensors& gradient, double clip, Exec& exec) {
  std::vector<double> norms(static_cast<std::size_t>(gradient.shape().layers));
  exec.parallel_for(gradient.shape().layers, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t layer = begin; layer < end; ++layer)
      norms[static_cast<std::size_t>(layer)] = clip_norm(gradient.layer_values(layer), clip);
  });
  return norms;
}

double clip_norm(std::span<float> values, double clip, Exec& exec) {
  constexpr std::int64_t kGrain = 1 << 16;
  const auto size = static_cast<std::int64_t>(values.size());
  std::vector<double> squares(static_cast<std::size_t>((size + kGrain - 1) / kGrain));
  const auto part = [&](std::int64_t begin, std::int64_t end) {
    return values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  };
  exec.parallel_for(size, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
    const double norm = norm_of(part(begin, end));
    squares[static_cast<std::size_t>(begin / kGrain)] = norm * norm;
  });
  const double norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  if (!(norm > clip)) return norm;
  const auto factor = static_cast<float>(clip / norm);
  exec.parallel_for(size, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
    for (float& v : part(begin, end)) v *= factor;
  });
  return norm;
}

void check_finite(const StepNumbers& step) {
  for (std::size_t layer = 0; layer < step.kl.size(); ++layer) {
    if (!std::isfinite(step.kl[layer])) fail("layer {}: the indexer's loss is not a finite number", layer);
    if (!std::isfinite(step.indexer_norms[layer]))
      fail("layer {}: the indexer's gradient is not a finite number", layer);
  }
  if (!std::ranges::all_of(step.losses, [](double loss) { return std::isfinite(loss); }))
    fail("language model: the loss is not a finite number");
  if (std::isfinite(step.main_norm)) return;
  const auto values = step.gradient.values();
  const auto bad = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
  if (bad == values.end()) fail("language model: the gradient's norm is not a finite number");
  fail("{}: the gradient is not a finite number", step.gradient.at(bad - values.begin()).name);
}

double seconds_a_token(const TrainLog& log) {
  double seconds = 0;
  std::int64_t tokens = 0;
  for (const StepRecord& r : log.records())
    if (!r.held_out) seconds += r.seconds, tokens += r.step_tokens();
  DSA_CHECK(tokens > 0);
  return seconds / static_cast<double>(tokens);
}

std::optional<double> remaining_seconds(const Progress& p, const TrainLog& log) {
  if (p.budget == 0 || log.records().empty()) return std::nullopt;
  // The last steps' speed, which later stages will not keep: a lower bound until the last stage.
  double seconds = 0;
  std::int64_t tokens = 0;
  for (auto r = log.records().rbegin(); r != log.records().rend() && tokens < 16 * r->step_tokens(); ++r)
    if (!r->held_out) seconds += r->seconds, tokens += r->step_tokens();
  if (tokens == 0) return std::nullopt;
  return static_cast<double>(std::max<std::int64_t>(0, p.budget - p.tokens)) * seconds /
         static_cast<double>(tokens);
}

}  // namespace dsa::train
