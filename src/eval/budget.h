// What fewer or more selected tokens change of what comes out, layer by layer: the figures behind a list in
// `index_topk`.
//
// A sample is read densely once, up to its last rows.  Those are run over that cache again and again; in each
// run half of the layers select half as many tokens as now, the others twice as many (a Hadamard design,
// whose columns are dealt out anew for every sample; layers that follow upon one another may share one).
// Every run so tells something of every layer, and what a layer does is the mean of the runs where it had
// more, less that of those where it had fewer.
//   loss = KL(dense || sparse) of the next token, nats, the mean over the scored tokens
// It is what an answer drawn from the dense model loses of its log-probability on average, and hardly noisy
// where what one answer loses is mostly chance.  Attention mass misleads (docs/research/retrieval.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/sequence_pass.h"

namespace dsa {

struct BudgetSample {
  std::string kind = {};  // "text", "single 4096", ...
  std::vector<std::int32_t> tokens = {};
  std::int64_t rows = 0;    // the last ones, which select; fewer than all
  std::int64_t scored = 0;  // the last tokens, which are predicted; at most rows
  std::uint64_t deal = 0;   // of the design's columns
};

/// Of one sample, against dense, nats a token.
struct BudgetFigures {
  double loss = 0;          // with what the layers select now
  double log_prob = 0;      // what the scored tokens then gain of their log-probability
  std::int64_t scored = 0;  // tokens
  /// By layer: the loss with twice as many tokens less that with half as many; below 0 where they help.
  /// Layers that share a column get the same part each.
  std::vector<double> effect;
};

/// Not thread-safe.
class BudgetMeasure {
 public:
  /// `model` has an indexer and was loaded for the longest sample, and to select twice the largest of `now`,
  /// one number a layer.  `group`: so many layers in a row share a column.
  BudgetMeasure(LoadedModel& model, std::vector<std::int64_t> now, std::int64_t group);

  /// Reads a sample densely.  False if cancelled.
  bool read(const BudgetSample& sample, const std::atomic<bool>& cancel);

  /// Of the sample that was read last: its loss where the layers select so, and what its scored tokens then
  /// gain of their log-probability.  Nothing if cancelled.
  std::optional<double> loss(const BudgetSample& sample, const std::vector<std::int64_t>& topk,
                             const std::atomic<bool>& cancel, double* log_prob = nullptr);

  /// Reads a sample and goes through the design.  Nothing if cancelled.
  std::optional<BudgetFigures> run(const BudgetSample& sample, const std::atomic<bool>& cancel);

 private:
  bool last_rows(const BudgetSample& sample, const RunOptions& run, std::vector<float>& logits,
                 const std::atomic<bool>& cancel);
  [[nodiscard]] double log_prob_of(const BudgetSample& sample, std::span<const float> logits) const;

  LoadedModel& model_;
  SequencePass pass_;
  std::vector<std::int64_t> now_;
  std::size_t group_;
  std::vector<float> dense_, sparse_;  // logits [scored, vocabulary]
};

/// A two-level design for `factors` factors: how many runs it takes, and whether a factor is high in one.
/// Each is in half of the runs, and any two together in a quarter of them.
std::uint64_t hadamard_runs(std::uint64_t factors);
bool high(std::uint64_t run, std::uint64_t factor);

/// KL(p || q) in nats of the distributions that two rows of logits mean.
double divergence(std::span<const float> p_logits, std::span<const float> q_logits);

}  // namespace dsa
