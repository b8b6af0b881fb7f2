// A policy of grouped-query attention (Llama, Qwen): what is trained is added to its matrices (LoRA), or all
// of its weights.  Its indexers are frozen.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rl/train/policy.h"
#include "train/sparse/sparse_model.h"

namespace dsa::rl {

struct SequenceRun;

class GqaPolicy final : public Policy {
 public:
  struct Lora {
    std::int64_t rank = 0;  // 0: every weight is trained
    std::int64_t seed = 0;
  };
  /// `indexer`: of base's indexer; null where base has none, then attention is dense.  `base` and `exec` must
  /// outlive it.  Throws Error.
  GqaPolicy(const ModelFiles& base, const TensorSource* indexer, const Options& options, const Lora& lora,
            Exec& exec);

  [[nodiscard]] OpenedModel snapshot(const std::filesystem::path& path) const override;
  /// With its indexer inside.
  void write(const std::filesystem::path& folder) override;
  std::optional<Result> run(const Request& request, const std::atomic<bool>& cancel) override;
  /// Nothing: nobody trains them.
  std::optional<train::IndexerRecord> watch_indexers(std::span<const Sequence>,
                                                     const std::atomic<bool>&) override {
    return train::IndexerRecord();
  }

 private:
  GqaPolicy(const ModelFiles& base, const TensorSource* indexer, const Options& options, const Lora& lora,
            Exec& exec, train::FlatTensors weights);
  bool run_some(const Request& request, const SequenceRun& run, bool first, Result& result,
                const std::atomic<bool>& cancel);
  [[nodiscard]] train::FlatTensors merged() const;

  const ModelFiles& base_;
  Options options_;
  Lora lora_;
  train::FlatTensors frozen_;  // what trained_ is added to; without LoRA: none
  train::SparseModel model_;
};

}  // namespace dsa::rl
