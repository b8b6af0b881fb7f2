// Two runs of `dsa eval retrieval` over the same samples, side by side: another indexer,
// another selection, other weights.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "eval/retrieval_result.h"
#include "eval/statistics.h"

namespace dsa {

/// Means over samples, in nats a token of the right answer; each from pairs of the same sample.
struct RetrievalDifferences {
  std::int64_t samples = 0;
  PairedDifference sparse = {};    // this run's sparse - the other's sparse
  PairedDifference loss = {};      // this run's (sparse - dense) - the other's: above 0, selecting costs less
  PairedDifference to_dense = {};  // this run's sparse - the other's dense
};

struct RetrievalComparison {
  struct Cell {
    RetrievalTask task = RetrievalTask::single;
    std::int64_t length = 0;
    RetrievalDifferences differences;
  };
  std::vector<Cell> cells;  // by task, then length; those without common samples are left out
  RetrievalDifferences all;
};

/// Over the samples that both have.  Throws Error if there are none, or if a sample is not the same text in
/// both: other tokens, that is another seed, tokenizer or chat format.
RetrievalComparison compare(std::span<const RetrievalResult> results,
                            std::span<const RetrievalResult> others);

nlohmann::ordered_json to_json(const RetrievalComparison& comparison);
/// A table, the last line ended too.
std::string to_text(const RetrievalComparison& comparison);

}  // namespace dsa
