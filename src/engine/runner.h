// What an engine runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "model/attention_plan.h"
#include "model/batch.h"
#include "model/mtp.h"

namespace dsa {

/// A model with its cache, as an engine sees it: batches in, logits out, pages as blocks of bytes.  One
/// thread at a time.
class Runner {
 public:
  virtual ~Runner() = default;

  struct Limits {
    std::int64_t context = 0;     // tokens of a sequence
    std::int64_t rows = 0;        // of a pass
    std::int64_t pages = 0;       // of the cache, for all sequences: at least those of one context
    std::int64_t vocabulary = 0;  // logits of a row
    std::int64_t mtp_places = 0;  // sequences that its own layer can guess for; 0: it has none
  };
  [[nodiscard]] virtual Limits limits() const = 0;

  /// As Transformer::forward().
  virtual void forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status) = 0;
  /// As Mtp::guess() and Mtp::forget(); between the pass after which guesses are wanted and the next one.
  virtual void guess(std::span<Mtp::Ask> /*asks*/) {}
  virtual void forget_mtp(std::int32_t /*place*/) {}
  /// Of all passes so far: what the indexer took; 0: there is none.
  [[nodiscard]] virtual double indexer_ms() const { return 0; }
  /// From now on `sink` is shown what layers select (ForwardHooks::selection); empty: nobody is.
  virtual void show_selections(decltype(ForwardHooks::selection) /*sink*/) {}
  /// A sentence about a sequence that is not_finite or refused.
  [[nodiscard]] virtual std::string why(const SequenceStatus& status) const = 0;

  /// Throws Error if a sequence cannot be run so.
  virtual void check(const RunOptions& run) const = 0;
  [[nodiscard]] virtual SelectionRule rule(const RunOptions& run) const = 0;

  [[nodiscard]] virtual std::size_t page_bytes() const = 0;
  virtual void save_page(std::int32_t page, std::span<std::byte> to) const = 0;
  virtual void load_page(std::int32_t page, std::span<const std::byte> from) = 0;
  virtual void copy_page(std::int32_t from, std::int32_t to) = 0;
};

}  // namespace dsa
