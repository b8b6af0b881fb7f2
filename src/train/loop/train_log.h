// What happened at every step: one line of JSON each, and the same in memory for the report.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
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

  [[nodiscard]] std::int64_t step_tokens() const { return batch * context; }
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
