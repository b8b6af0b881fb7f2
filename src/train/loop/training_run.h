// What every training does, whatever it trains: how much, where to, from what, and how long still.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/open_model.h"
#include "text/documents.h"
#include "train/loop/checkpoint_file.h"
#include "train/loop/named_tensors.h"
#include "train/loop/train_log.h"

namespace dsa::train {

using Clock = std::chrono::steady_clock;
inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// How much is to be trained: one of the two.
struct Budget {
  std::int64_t tokens = 0;
  double hours = 0;
};

struct TrainerFiles {
  std::filesystem::path folder;  // of the result, checkpoint, log and report
  double save_seconds = 120;     // between checkpoints; does not change what is trained
};

struct TrainerEvents {
  std::function<void(const StepRecord&)> step = {};
  std::function<void(const std::filesystem::path&)> saved = {};
};

/// Puts a step that took `seconds` into the log and tells of it.
void note(TrainLog& log, StepRecord record, double seconds, const TrainerEvents& events);

inline constexpr std::int64_t kHeldOutWindows = 2;  // of each look
inline constexpr std::int64_t kLooks = 8;  // at held-out text, evenly over the budget, unless said otherwise

Identity identity_of(const ModelFiles& files, std::span<const Document> text);

/// Throws Error if the folder holds a training already.
void refuse_second_training(const std::filesystem::path& folder);
/// Throws Error, naming the folder's checkpoint, unless it was made with this model and text.  For a
/// checkpoint from before there was a digest of the weights, these are not checked; a warning says so.
void check_identity(const Identity& then, const Identity& now, const std::filesystem::path& model,
                    const std::filesystem::path& folder);

/// "tokens 0 to 2048 of FILE"
std::string name_of(std::span<const Document> text, const Window& window, std::int64_t length);

double norm_of(std::span<const float> values);
/// Scales values down to a norm of at most `clip`; returns the norm before.
double clip_norm(std::span<float> values, double clip);
/// Scales each layer's gradient down to a norm of at most `clip` (layers learn apart from each other: one
/// whose gradient is large must not slow the others down) and returns the norms before.
std::vector<double> clip_layers(IndexerTensors& gradient, double clip, Exec& exec);
/// As clip_norm() of one row, by all threads; the same for any number of them.
double clip_norm(std::span<float> values, double clip, Exec& exec);

/// What a step of main weights and indexers has computed.
struct StepNumbers {
  std::span<const double> kl, indexer_norms;  // by layer
  std::array<double, 2> losses{};             // of the main weights
  double main_norm = 0;
  const NamedTensors& gradient;
};
/// Throws Error that says where the first number lies that is not finite.
void check_finite(const StepNumbers& step);

/// Of the steps so far; at least one.
double seconds_a_token(const TrainLog& log);

/// Seconds that are still to come at the present speed; nullopt while the budget is not known.
std::optional<double> remaining_seconds(const Progress& progress, const TrainLog& log);

/// Says when held-out text is to be looked at next.
class Looks {
 public:
  explicit Looks(std::int64_t looks = kLooks) : looks_(looks) {}
  [[nodiscard]] bool due(const Progress& progress) const {
    return progress.budget > 0 && (progress.tokens >= next_ || progress.finished());
  }
  void looked(const Progress& progress) {
    const std::int64_t part = std::max<std::int64_t>(1, progress.budget / looks_);
    next_ = (progress.tokens / part + 1) * part;
  }

 private:
  std::int64_t looks_ = kLooks;
  std::int64_t next_ = 0;  // tokens
};

}  // namespace dsa::train
