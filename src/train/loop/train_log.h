// What happened at every step: one line of JSON each, and the same in memory for the report.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dsa::train {

/// What the indexers' selections keep of the attention: means over layers and sampled queries.
struct KeptAttention {
  double indexer = 0;
  double best = 0;         // the same of the best possible selections
  double worst_layer = 1;  // the lowest indexer / best of a layer
};

/// The indexers' part of a step.
struct IndexerRecord {
  double kl = 0;  // mean over layers and rows, before the step
  std::vector<double> layer_kl = {};
  double gradient_norm = 0;  // largest of a layer, before clipping
  double learning_rate = 0;
  std::optional<KeptAttention> kept = {};  // where it was measured
};
/// mean += share * one, but for gradients, rates and single layers.
void add_share(IndexerRecord& mean, const IndexerRecord& one, double share);

/// The main weights' part, where they are trained too.
struct MainRecord {
  double language_model = 0;  // cross-entropy, nats a token
  double distill = 0;         // KL(teacher || model), nats a token; 0 without a teacher
  double mtp = 0;             // cross-entropy of the token after the next; 0 where none predicts it
  double dense = 0;           // language_model with attention over everything; 0 where it was not looked at
  double gradient_norm = 0;   // before clipping
  double learning_rate = 0;
};

/// Tokens that one expert got, times the fair share of its layer.
struct ExpertRecord {
  double busiest = 1, idlest = 1;  // over all layers
};

/// What a model wrote in a step and how it was rewarded, where it is trained by reward.
struct RewardRecord {
  double reward = 0;    // mean over episodes
  double solved = 0;    // share of them
  double signal = 0;    // share of the groups whose rewards differ
  double written = 0;   // tokens of an episode, the model's own
  double cut = 0;       // share of the episodes that had no end
  double entropy = 0;   // nats a token: minus the mean log-probability of what was sampled
  double mismatch = 0;  // largest |log-probability in training - the same when it was sampled|
  double kl = 0;        // to the reference, nats a token; 0 without one
  double clipped = 0;   // share of tokens
  double masked = 0;    // share of episodes
  double language = 0;  // share of the words that are of the language wanted
  double rubric = 0;    // share of a rubric's lines that the rules answer with yes, where there is a judge
  double judged = 0;    // what the judge makes of the same
  double seconds = 0;   // of the step, spent on writing
  std::vector<std::pair<std::string, double>> domains = {};  // solved, by domain
};

struct StepRecord {
  // The loop's to fill in.
  std::int64_t step = 0;    // the first is 1
  std::int64_t tokens = 0;  // done, this step's included
  double seconds = 0;       // of this step
  double elapsed = 0;       // seconds of training, all runs together
  bool held_out = false;    // a look at held-out text: no step was made
  // The training's.
  std::int64_t context = 0;
  std::int64_t batch = 1;  // sequences
  std::string stage = {};  // where a training has several
  IndexerRecord indexer = {};
  std::optional<MainRecord> main = {};
  std::optional<ExpertRecord> experts = {};
  std::optional<RewardRecord> reward = {};
  std::int64_t own_tokens = 0;  // where sequences differ in length; 0: batch * context

  [[nodiscard]] std::int64_t step_tokens() const { return own_tokens > 0 ? own_tokens : batch * context; }
};

/// Appends to a JSON Lines file.  Opened for a resumed training it forgets what came after the checkpoint, so
/// that no step stands there twice.
class TrainLog {
 public:
  /// Keeps the records up to `last_step`; 0 begins a new file.  Throws Error.
  TrainLog(const std::filesystem::path& path, std::int64_t last_step);

  /// Throws Error if the line cannot be written.
  void add(const StepRecord& record);
  [[nodiscard]] const std::vector<StepRecord>& records() const { return records_; }
  [[nodiscard]] double elapsed() const { return records_.empty() ? 0 : records_.back().elapsed; }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::vector<StepRecord> records_;
};

}  // namespace dsa::train
