// A policy of DeepSeek-V3.2's architecture: every weight is trained.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rl/train/policy.h"
#include "train/pretrain/mla_model.h"

namespace dsa::rl {

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
  /// Sequences that are computed side by side, filled up to one length.
  struct Part {
    std::vector<std::size_t> sequences;
    std::int64_t context = 0;
  };
  /// A part as a run takes it.
  struct Filled {
    std::vector<std::int32_t> tokens, trained;
    std::vector<std::int64_t> lengths;
    std::vector<std::vector<std::int32_t>> kept;  // one a trained token, or none at all
  };
  [[nodiscard]] static Filled filled(std::span<const Sequence> sequences, const Part& part);
  [[nodiscard]] std::vector<Part> parts(std::span<const Sequence> sequences) const;
  [[nodiscard]] train::MlaModel::Replay replay(const Request& request, const Part& part) const;
  bool run_part(const Request& request, const Part& part, bool first, Result& result,
                const std::atomic<bool>& cancel);

  const ModelConfig& config_;
  Options options_;
  std::int64_t batch_;  // sequences of a part
  train::MlaModel model_;
};

}  // namespace dsa::rl
