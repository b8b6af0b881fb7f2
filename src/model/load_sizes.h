// How large a model is made when it is loaded, and the memory that takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/numeric.h"
#include "checkpoint/tensor_source.h"
#include "kernels/registry.h"
#include "model/activations.h"
#include "model/options.h"

namespace dsa {

struct LoadSizes {
  std::int64_t context = 0;  // tokens of a sequence
  std::int64_t cache = 0;    // tokens of cache
  std::int64_t topk = 0;     // most tokens of a selection, the mean over the layers; 0: no indexer
  std::int64_t widest = 0;   // most tokens of a selection in any layer
  std::int64_t rows = 0;     // of one pass

  /// Of one sequence, and of all of them.
  [[nodiscard]] std::int64_t pages() const { return ceil_div(context, kPageTokens); }
  [[nodiscard]] std::int64_t cache_pages() const { return ceil_div(cache, kPageTokens); }
  [[nodiscard]] ActivationSizes activations(int threads) const {
    return {.max_tokens = rows, .max_context = pages() * kPageTokens, .topk = widest, .threads = threads};
  }
};

/// What the options ask for and, where they do not say, what suits: no selection exceeds the context, and a
/// pass has as many rows as keep the scratch that grows with them within 768 MiB.  Throws Error.
LoadSizes load_sizes(const ModelConfig& config, const LoadOptions& options, int threads);

/// What a loaded model promises to hold, in bytes; what is read where the files are mapped does not count.
struct LoadMemory {
  std::size_t weights = 0;  // that the kernels pack
  std::size_t cache = 0;
  std::size_t activations = 0;
  [[nodiscard]] std::size_t total() const { return weights + cache + activations; }
};
LoadMemory load_memory(const ModelConfig& config, const TensorSource& tensors, const KernelTable& kernels,
                       const LoadOptions& options, int threads);

/// The context to load with where `options` name none: the model's own or, if memory would not hold its
/// cache, half of it, a quarter, ..., but no less than 1,024 tokens.  `fits`: whether a context's memory can
/// be had.
std::int64_t fitting_context(std::int64_t own, const std::function<bool(std::int64_t context)>& fits);

[[nodiscard]] bool fits_in(const LoadMemory& memory, std::optional<std::int64_t> left);

/// Throws Error if the memory does not fit in the `left` bytes, where those are known; says what to lower.
void check_memory(const LoadMemory& memory, std::optional<std::int64_t> left);

}  // namespace dsa
