// What many retrieval samples say together: shares, differences, and whether sparse
// attention is worse anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eval/retrieval_result.h"
#include "eval/statistics.h"

namespace dsa {

/// Samples of one task and length.
struct RetrievalCell {
  RetrievalTask task = RetrievalTask::single;
  std::int64_t length = 0;
  std::int64_t samples = 0;
  std::int64_t dense_matches = 0;
  std::int64_t sparse_matches = 0;
  std::int64_t only_dense = 0;  // pairs that dense alone gets right
  std::int64_t only_sparse = 0;
  Interval dense_share = {};  // of matches (Wilson)
  Interval sparse_share = {};
  double dense_log_prob = 0;  // nats a token, mean over samples
  double sparse_log_prob = 0;
  PairedDifference log_prob = {};  // sparse - dense, nats a token
  /// Whether exact match says anything: dense gets at least kLeastDenseShare right.
  bool judged_by_match = false;
  // Chances that sparse is as good as dense, corrected by Holm over the cells (each kind of test by itself).
  double match_p = 1;
  double log_prob_p = 1;

  [[nodiscard]] bool worse() const;
};
inline constexpr double kLeastDenseShare = 0.1;
inline constexpr double kSignificance = 0.05;

struct RetrievalSummary {
  std::vector<RetrievalCell> cells;  // by task, then length; those without samples are left out
  PairedDifference pooled;           // of all samples: nats a token, sparse - dense
};
RetrievalSummary summarise(std::span<const RetrievalResult> results);

}  // namespace dsa
