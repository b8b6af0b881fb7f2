// One conversation with one model: what `dsa run` and `dsa chat` stand on.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/sequence_pass.h"
#include "sampling/sampler.h"
#include "tokenizer/tokenizer.h"

namespace dsa {

/// Figures of one answer (docs/interfaces.md, "Timings").  Times in milliseconds.
struct Timings {
  double load_ms = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  // of the prompt, already in the cache from the turn before
  double prefill_ms = 0;
  double ttft_ms = 0;
  std::int64_t completion_tokens = 0;
  double decode_ms = 0;  // from the first token to the last
  std::int64_t peak_rss_bytes = 0;

  /// Of the tokens really computed.
  [[nodiscard]] double prefill_tok_s() const;
  [[nodiscard]] double decode_tok_s() const;
  [[nodiscard]] double tpot_ms() const;
};

enum class FinishReason : std::uint8_t { stop, length, cancelled, failed };
std::string_view name(FinishReason reason);  // "stop", "length", "cancelled", "error"

struct GenerateRequest {
  std::span<const std::int32_t> prompt;  // not empty
  SamplingParams sampling;
  std::int64_t max_tokens = -1;           // -1: until the context is full
  std::vector<std::int32_t> stop_tokens;  // end the answer; not part of the text
  std::vector<std::string> stop_strings;  // likewise, also across token borders
  bool show_special = false;              // special tokens become part of the text
};

struct GenerateCallbacks {
  std::function<void(std::int64_t done, std::int64_t total)> on_prefill;  // after every chunk
  std::function<void(std::string_view text)> on_text;                     // complete UTF-8 only
};

struct GenerateResult {
  std::string text;
  std::vector<std::int32_t> tokens;  // without the stop token
  FinishReason finish_reason = FinishReason::stop;
  std::string error;  // finish_reason == failed: one line that names layer and token
  Timings timings;
};

/// One sequence, answered turn by turn.
/// Not thread-safe: one call at a time; `cancel` may be set from anywhere, a signal handler too.
class Session {
 public:
  /// Both must outlive it.  Throws Error if the model cannot be run so.
  Session(LoadedModel& model, const Tokenizer& tokenizer, const RunOptions& run = {});

  [[nodiscard]] const LoadedModel& model() const { return model_; }
  [[nodiscard]] const Tokenizer& tokenizer() const { return tokenizer_; }

  /// Answers the prompt.  The longest prefix that is still in the cache is not computed again (the result is
  /// the same bit for bit).  Throws Error if the prompt is empty, holds an id outside the vocabulary or does
  /// not fit in the context.
  GenerateResult generate(const GenerateRequest& request, const GenerateCallbacks& callbacks,
                          const std::atomic<bool>& cancel);

  /// How later tokens attend.  Of the cache remains what would have been computed so as well.
  /// Throws Error if the model cannot be run so.
  void set_run(const RunOptions& run);
  /// Forgets the cache.
  void reset() { cached_.clear(); }
  /// Of all answers.
  [[nodiscard]] const AttentionCounters& attention() const { return pass_.attention(); }

 private:
  void keep_common_prefix(std::span<const std::int32_t> prompt);
  /// Runs `tokens` at the end of the cache, the last one for its logits.  Nothing if all went well.
  std::optional<FinishReason> extend(std::span<const std::int32_t> tokens,
                                     const SequencePass::VisitProgress& progress,
                                     const std::atomic<bool>& cancel, std::string& error);

  LoadedModel& model_;
  const Tokenizer& tokenizer_;
  SequencePass pass_;
  RunOptions run_;
  std::vector<std::int32_t> cached_;  // the tokens whose entries are in the cache
};

}  // namespace dsa
