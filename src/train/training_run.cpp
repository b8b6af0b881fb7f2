#include "train/training_run.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "checkpoint/fingerprint.h"

namespace dsa::train {

Identity identity_of(const ModelFiles& files, std::span<const Document> text) {
  return {.model = fingerprint(*files.tensors, files.config), .corpus = corpus_hash(text)};
}

void refuse_second_training(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / kCheckpointFile))
    fail("{}: a training lies here already: --resume goes on with it, another --out begins a new one",
         printable(folder.string(), 1000));
}

void check_identity(const Identity& then, const Identity& now, const ModelFiles& files,
                    const std::filesystem::path& folder) {
  const std::string who = printable((folder / kCheckpointFile).string(), 1000);
  if (now.model != then.model)
    fail("{}: was trained for the model with fingerprint {}, {} has {}", who, then.model,
         printable(files.path.string(), 1000), now.model);
  if (now.corpus != then.corpus)
    fail("{}: was trained on text with SHA-256 {}, --text now has {}: give the same files", who, then.corpus,
         now.corpus);
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

std::optional<double> remaining_seconds(const Progress& p, const TrainLog& log) {
  if (p.budget == 0 || log.records().empty()) return std::nullopt;
  // The last steps' speed, which later stages will not keep: a lower bound until the last stage.
  double seconds = 0;
  std::int64_t tokens = 0;
  for (auto r = log.records().rbegin(); r != log.records().rend() && tokens < 16 * r->context; ++r)
    if (!r->held_out) seconds += r->seconds, tokens += r->context;
  if (tokens == 0) return std::nullopt;
  return static_cast<double>(std::max<std::int64_t>(0, p.budget - p.tokens)) * seconds /
         static_cast<double>(tokens);
}

}  // namespace dsa::train
