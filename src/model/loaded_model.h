// A model ready to run.
#pragma once

#include <chrono>
#include <filesystem>

#include "model/opened_model.h"
#include "model/transformer.h"

namespace dsa {

/// Owns all that a model needs to run: its files, its indexer, the threads, weights, cache and scratch.  One
/// forward pass at a time; not thread-safe.
class LoadedModel {
 public:
  /// Throws Error.
  LoadedModel(OpenedModel opened, const LoadOptions& options, const KernelTable& kernels = choose_kernels());
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  [[nodiscard]] const ModelFiles& files() const { return opened_.files; }
  [[nodiscard]] const ModelConfig& config() const { return opened_.files.config; }
  /// Of the indexer where they are not the model's own; null: they are, or there is none.
  [[nodiscard]] const TensorSource* indexer_tensors() const { return opened_.indexer_tensors.get(); }
  /// Empty: the indexer is the model's own or made up, or there is none.
  [[nodiscard]] const std::filesystem::path& indexer_folder() const { return opened_.indexer_folder; }
  [[nodiscard]] bool has_indexer() const { return opened_.has_indexer(); }
  /// Most tokens of a selection, and how many a sequence selects that says nothing else, on average over the
  /// layers; 0: no indexer.
  [[nodiscard]] std::int64_t topk() const { return transformer_.topk(); }
  [[nodiscard]] std::int64_t context() const { return transformer_.max_context(); }  // tokens of a sequence
  [[nodiscard]] Transformer& transformer() { return transformer_; }
  [[nodiscard]] const Transformer& transformer() const { return transformer_; }
  [[nodiscard]] Exec& exec() { return exec_; }
  /// How long the constructor took.
  [[nodiscard]] std::chrono::duration<double, std::milli> load_time() const { return load_time_; }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  OpenedModel opened_;
  Exec exec_;
  Transformer transformer_;
  std::chrono::duration<double, std::milli> load_time_;
};

}  // namespace dsa
