// Dense beside sparse on questions about long texts: RULER's kinds of task, paired sample by sample.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_prompt.h"
#include "eval/best_selection.h"
#include "eval/retrieval_result.h"
#include "model/sequence_pass.h"

namespace dsa {

struct RetrievalOptions {
  std::string chat_format = {};  // by name; "": the model's own
  bool raw = false;              // no chat format, the question continues as plain text
  bool best = false;  // sparse attends over the best selection there is (BestSelection), not the indexer's
};

/// Asks one model, dense and over the selection.  The model must have an indexer and be loaded with a context
/// of the longest length.  Not thread-safe.
class RetrievalRunner {
 public:
  /// Throws Error if the model's chat format is not known.
  RetrievalRunner(LoadedModel& model, const Tokenizer& tokenizer, const RetrievalOptions& options);

  /// Nothing if cancelled.  Throws Error if the length is too short for the task.  `dense`: what the same
  /// weights answered densely; null: they are asked.
  std::optional<RetrievalResult> run(RetrievalTask task, std::uint64_t seed, std::int64_t number,
                                     std::int64_t length, const std::atomic<bool>& cancel,
                                     const RetrievalAnswer* dense = nullptr);

  /// What it asks, as tokens.
  struct Asked {
    RetrievalSample sample;
    std::vector<std::int32_t> prompt, answer;
  };
  [[nodiscard]] Asked asked(RetrievalTask task, std::uint64_t seed, std::int64_t number,
                            std::int64_t length) const;

 private:
  [[nodiscard]] std::vector<std::int32_t> prompt(const RetrievalSample& sample) const;
  [[nodiscard]] std::vector<std::int32_t> text_ids(std::string_view text) const;
  bool ask(const RetrievalSample& sample, std::span<const std::int32_t> prompt,
           std::span<const std::int32_t> answer, std::int64_t first, AttentionMode attention,
           RetrievalAnswer& out, const std::atomic<bool>& cancel);

  LoadedModel& model_;
  const Tokenizer& tokenizer_;
  SequencePass pass_;
  std::optional<BestSelection> best_;
  ChatPrompt prompt_;
};

}  // namespace dsa
