#include "model/load_sizes.h"

#include <algorithm>

#include "base/error.h"
#include "model/kv_cache.h"
#include "model/mtp.h"

namespace dsa {
namespace {

constexpr std::int64_t kMaxRows = 512, kMinRows = 16;
constexpr std::int64_t kLeastFittingContext = 1024;
constexpr std::size_t kRowsBudget = std::size_t{768} << 20;

std::string mib(std::size_t bytes) {
  return fmt::format("{:.0f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace

LoadSizes load_sizes(const ModelConfig& config, const LoadOptions& options, int threads) {
  if (options.context < 0) fail("`context` {}: expected 1 or more", options.context);
  LoadSizes out;
  out.context = options.context > 0 ? options.context : config.max_position_embeddings;
  out.cache = std::max(out.context, options.cache);
  if (config.indexer) {
    const LayerTopk& layers = config.indexer->layer_topk;
    const std::int64_t asked = options.topk > 0 ? options.topk : config.indexer->topk;
    out.widest = std::min(layers.most(asked), out.pages() * kPageTokens);
    // Of a mean that was cut to the context every layer would get less.
    out.topk = layers.uniform() ? out.widest : asked;
  }
  if (options.chunk > 0) {
    out.rows = options.chunk;
    return out;
  }
  out.rows = std::min(kMaxRows, out.pages() * kPageTokens);
  // Scratch a thread does not shrink with the rows, so it is no reason for fewer.
  const std::size_t fixed = Activations::fixed_bytes(config, out.activations(threads));
  while (out.rows > kMinRows && Activations::bytes(config, out.activations(threads)) > kRowsBudget + fixed)
    out.rows /= 2;
  return out;
}

LoadMemory load_memory(const ModelConfig& config, const TensorSource& tensors, const KernelTable& kernels,
                       const LoadOptions& options, int threads) {
  const LoadSizes sizes = load_sizes(config, options, threads);
  LoadMemory out;
  if (options.compute != Compute::f32)
    tensors.for_each([&](std::string_view, const StoredTensor& tensor) {
      if (tensor.shape.size() != 2) return;
      out.weights +=
          kernels.packed_bytes({.type = tensor.type, .rows = tensor.shape[0], .cols = tensor.shape[1]});
    });
  out.cache = usize(sizes.cache_pages() * kPageTokens) * kv_token_bytes(config, options.compute);
  out.activations = Activations::bytes(config, sizes.activations(threads));
  if (options.mtp != LoadMtp::no && config.num_nextn_predict_layers > 0)
    out.activations += Mtp::bytes(config, options.compute, sizes);
  return out;
}

std::int64_t fitting_context(std::int64_t own, const std::function<bool(std::int64_t context)>& fits) {
  for (std::int64_t context = own; context >= kLeastFittingContext; context /= 2)
    if (fits(context)) return context;
  return own;  // which check_memory() refuses
}

bool fits_in(const LoadMemory& memory, std::optional<std::int64_t> left) {
  return !left || memory.total() <= usize(std::max<std::int64_t>(*left, 0));
}

void check_memory(const LoadMemory& memory, std::optional<std::int64_t> left) {
  if (fits_in(memory, left)) return;
  fail(
      "not enough memory: {} of weights, {} of cache and {} of scratch are needed, {} can be had: "
      "lower `context`, or take a smaller model",
      mib(memory.weights), mib(memory.cache), mib(memory.activations),
      mib(static_cast<std::size_t>(std::max<std::int64_t>(*left, 0))));
}

}  // namespace dsa
