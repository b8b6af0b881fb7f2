#include "eval/sparsity.h"

#include <algorithm>

#include "eval/best_selection.h"
#include "eval/selection_probe.h"

namespace dsa {
namespace {

// A window after the other, each in every way before the next: an interrupted run has whole pairs.
class Measurement {
 public:
  Measurement(LoadedModel& model, std::span<const Document> documents, const SparsityOptions& options,
              std::int64_t total, const std::function<void(std::int64_t, std::int64_t)>& progress,
              const std::atomic<bool>& cancel)
      : pass_(model),
        documents_(documents),
        options_(options),
        total_(total),
        progress_(progress),
        cancel_(cancel),
        probe_(model, options.topks, bounds(options.length)),
        best_(model) {
    result_.length = options.length;
    result_.buckets = position_buckets(options.length);
    for (const auto topk : options.topks) result_.topks.push_back({.topk = topk});
  }

  /// False if cancelled: then nothing of this window counts.
  bool window(const Window& window, std::uint64_t number) {
    auto positions =
        sample_positions(options_.topks.front(), options_.length, options_.rows, options_.seed, number);
    probe_.begin(std::move(positions));
    const auto dense = run(window, {.attention = AttentionMode::dense}, probe_.hooks());
    std::vector<Perplexity> indexer, best;
    for (const auto topk : options_.topks) {
      if (!options_.perplexity) break;
      const RunOptions sparse{.attention = AttentionMode::sparse, .topk = topk};
      indexer.push_back(run(window, sparse, {}));
      best.push_back(run(window, sparse, best_.hooks(topk)));
    }
    if (cancel_) return false;
    result_.dense.add(dense);
    for (std::size_t k = 0; k < indexer.size(); ++k) {
      result_.topks[k].indexer.add(indexer[k]);
      result_.topks[k].best.add(best[k]);
    }
    for (std::size_t k = 0; k < options_.topks.size(); ++k) result_.topks[k].layers = probe_.sums()[k];
    ++result_.windows;
    return true;
  }

  [[nodiscard]] const Sparsity& result() const { return result_; }

 private:
  static std::vector<std::int64_t> bounds(std::int64_t length) {
    std::vector<std::int64_t> out;
    for (const auto& bucket : position_buckets(length)) out.push_back(bucket.to);
    return out;
  }

  Perplexity run(const Window& window, const RunOptions& options, ForwardHooks hooks) {
    Transformer& transformer = pass_.model().transformer();
    transformer.set_hooks(std::move(hooks));
    auto out = measure_perplexity(
        pass_, options, documents_, {&window, 1}, options_.length,
        [&](std::int64_t done, std::int64_t) { progress_(done_ + done, total_); }, cancel_);
    transformer.set_hooks({});
    done_ += options_.length;
    return out;
  }

  SequencePass pass_;
  std::span<const Document> documents_;
  const SparsityOptions& options_;
  std::int64_t total_ = 0;
  std::int64_t done_ = 0;
  const std::function<void(std::int64_t, std::int64_t)>& progress_;
  const std::atomic<bool>& cancel_;
  SelectionProbe probe_;
  BestSelection best_;
  Sparsity result_;
};

}  // namespace

SelectionSums SparsityOfTopk::layer(std::size_t i) const {
  SelectionSums sums;
  for (const auto& bucket : layers[i]) sums.add(bucket);
  return sums;
}

SelectionSums SparsityOfTopk::bucket(std::size_t i) const {
  SelectionSums sums;
  for (const auto& layer : layers) sums.add(layer[i]);
  return sums;
}

SelectionSums SparsityOfTopk::all() const {
  SelectionSums sums;
  for (std::size_t i = 0; i < layers.size(); ++i) sums.add(layer(i));
  return sums;
}

std::size_t SparsityOfTopk::worst_layer() const {
  std::size_t worst = 0;
  for (std::size_t i = 1; i < layers.size(); ++i)
    if (layer(i).mass_ratio() < layer(worst).mass_ratio()) worst = i;
  return worst;
}

Sparsity measure_sparsity(LoadedModel& model, std::span<const Document> documents,
                          std::span<const Window> windows, const SparsityOptions& options,
                          const std::function<void(std::int64_t, std::int64_t)>& progress,
                          const std::atomic<bool>& cancel) {
  DSA_CHECK(!options.topks.empty() && std::ranges::is_sorted(options.topks) && options.topks.front() >= 1);
  DSA_CHECK(options.topks.back() < options.length);
  const std::int64_t runs = options.perplexity ? 1 + 2 * static_cast<std::int64_t>(options.topks.size()) : 1;
  const std::int64_t total = static_cast<std::int64_t>(windows.size()) * options.length * runs;
  Measurement measurement(model, documents, options, total, progress, cancel);
  std::uint64_t number = 0;
  for (const Window& window : windows)
    if (!measurement.window(window, number++)) break;
  return measurement.result();
}

}  // namespace dsa
