// A policy of DeepSeek-V3.2's architecture: every weight is trained.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rl/train/policy.h"
#include "train/pretrain/mla_model.h"

namespace dsa::rl {

struct SequenceRun;

class MlaPolicy final : public Policy {
 public:
  /// Random weights, to be read or restored.  `config` and `exec` must outlive it.
  MlaPolicy(const ModelConfig& config, const Options& options, Exec& exec);

  /// Takes the weights of a checkpoint.  Throws Error if one is missing or has another shape.
  void read(const TensorSource& source);

  [[nodiscard]] OpenedModel snapshot(const std::filesystem::path& path) const override;
  void write(const std::filesystem::path& folder) override;
  std::optional<Result> run(const Request& request, const std::atomic<bool>& cancel) override;
  std::optional<train::IndexerRecord> watch_indexers(std::span<const Sequence> sequences,
                                                     const std::atomic<bool>& cancel) override;

 private:
  [[nodiscard]] train::MlaModel::Replay replay(const Request& request, const SequenceRun& run) const;
  bool run_some(const Request& request, const SequenceRun& run, bool first, Result& result,
                const std::atomic<bool>& cancel);

  const ModelConfig& config_;
  Options options_;
  train::MlaModel model_;
};

}  // namespace dsa::rl
