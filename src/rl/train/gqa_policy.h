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
  /// Sequences that are computed side by side: samples of a task behind its prompt, which is read once.
  struct Part {
    std::vector<std::size_t> sequences;
    std::vector<train::SequencePart> parts;
    std::int64_t rows = 0;
  };
  GqaPolicy(const ModelFiles& base, const TensorSource* indexer, const Options& options, const Lora& lora,
            Exec& exec, train::FlatTensors weights);
  [[nodiscard]] std::vector<Part> parts(std::span<const Sequence> sequences) const;
  bool run_part(const Request& request, const Part& part, bool first, Result& result,
                const std::atomic<bool>& cancel);
  [[nodiscard]] train::FlatTensors merged() const;

  const ModelFiles& base_;
  Options options_;
  Lora lora_;
  train::FlatTensors frozen_;  // what trained_ is added to; without LoRA: none
  train::SparseModel model_;
};

}  // namespace dsa::rl
