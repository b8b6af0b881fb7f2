// Which tokens a training step reads, and which of its queries are trained on: pure functions of the seed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/documents.h"

namespace dsa::train {

/// Windows of one length out of the documents that hold one, each once an epoch,
/// in an order drawn anew for every epoch.
class WindowSampler {
 public:
  /// `documents` must outlive this.  Throws Error if none of them is long enough.
  WindowSampler(std::span<const Document> documents, std::int64_t length, std::uint64_t seed);

  [[nodiscard]] std::int64_t windows() const { return static_cast<std::int64_t>(windows_.size()); }
  /// Number i of the sequence.
  Window at(std::int64_t i);
  [[nodiscard]] std::span<const std::int32_t> tokens(const Window& window) const {
    return tokens_of(documents_, window, length_);
  }

 private:
  void shuffle(std::int64_t epoch);

  std::span<const Document> documents_;
  std::int64_t length_;
  std::uint64_t seed_;
  std::vector<Window> windows_;
  std::vector<std::size_t> order_;
  std::int64_t epoch_ = -1;  // that order_ was drawn for
};

/// "tokens 0 to 2048 of FILE"
std::string name_of(std::span<const Document> documents, const Window& window, std::int64_t length);

/// `count` ascending positions in [first, context), one drawn from each of as many equal parts.
std::vector<std::int32_t> sample_rows(std::int64_t first, std::int64_t context, std::int64_t count,
                                      std::uint64_t seed, std::int64_t step);

}  // namespace dsa::train
