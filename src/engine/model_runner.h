// A loaded model as what an engine runs.
#pragma once

#include "engine/prefix_key.h"
#include "engine/runner.h"
#include "model/loaded_model.h"

namespace dsa {

class ModelRunner : public Runner {
 public:
  /// `model` must outlive it; whoever else runs on it in between overwrites the cache.
  explicit ModelRunner(LoadedModel& model) : model_(model) {}

  [[nodiscard]] Limits limits() const override;
  void forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status) override;
  void guess(std::span<Mtp::Ask> asks) override;
  void forget_mtp(std::int32_t place) override;
  [[nodiscard]] double indexer_ms() const override { return model_.transformer().indexer_ms(); }
  void show_selections(decltype(ForwardHooks::selection) sink) override;
  [[nodiscard]] std::string why(const SequenceStatus& status) const override;
  void check(const RunOptions& run) const override;
  [[nodiscard]] SelectionRule rule(const RunOptions& run) const override;
  [[nodiscard]] std::size_t page_bytes() const override;
  void save_page(std::int32_t page, std::span<std::byte> to) const override;
  void load_page(std::int32_t page, std::span<const std::byte> from) override;
  void copy_page(std::int32_t from, std::int32_t to) override;

 private:
  LoadedModel& model_;
};

/// What decides the bytes of the model's pages.  Reads a little of every tensor.
CacheIdentity cache_identity(const LoadedModel& model);

}  // namespace dsa
