// What a forward pass refuses: nothing that a batch asks for may hurt the other sequences, or the process.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/batch.h"

namespace dsa {

/// What a model can take.
struct BatchLimits {
  std::int64_t rows = 0;        // of one pass
  std::int64_t vocabulary = 0;  // ids are below it
  std::int64_t context = 0;     // tokens of a sequence
  std::int64_t pages = 0;       // of the cache
  std::int64_t topk = 0;        // most tokens of a selection; 0: no indexer
};

/// Looks at batches, in memory that is reserved once.
class BatchCheck {
 public:
  explicit BatchCheck(const BatchLimits& limits);

  /// Marks in `status`, one a sequence, those that cannot be run as `refused`, with the reason; the others
  /// become `done`.  Of two sequences that would write one page, or of which one would read what the other
  /// writes, the later one is refused.
  void operator()(const Batch& batch, std::span<SequenceStatus> status);

 private:
  [[nodiscard]] Refusal alone(const SequenceSlice& slice) const;
  [[nodiscard]] Refusal claim_pages(const SequenceSlice& slice, std::int64_t sequence);

  BatchLimits limits_;
  // Of each page: which sequence of which batch touches it.
  struct Use {
    std::int64_t batch = 0;
    std::int64_t sequence = 0;
    bool written = false;
  };
  std::vector<Use> uses_;
  std::int64_t batch_ = 0;
};

}  // namespace dsa
