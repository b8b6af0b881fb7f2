// Figures of one answer.
#pragma once

#include <cstdint>
#include <optional>

namespace dsa {

/// Times in milliseconds (docs/interfaces.md, "Timings").
struct Timings {
  double load_ms = 0;
  double queue_ms = 0;  // from submission until the prompt was first looked at
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  // of the prompt, not computed: found in memory or on disk
  std::int64_t disk_tokens = 0;    // of those, read from disk
  /// Of the prompt: the first token of which memory kept another one behind the same beginning.
  std::optional<std::int64_t> first_difference = std::nullopt;
  double prefill_ms = 0;  // waiting for others' work included
  double ttft_ms = 0;     // since submission
  std::int64_t completion_tokens = 0;
  std::int64_t reasoning_tokens = 0;                             // of those
  std::int64_t drafted_tokens = 0;                               // guessed before they were computed
  std::int64_t accepted_tokens = 0;                              // of those, what the answer then said
  std::int64_t mtp_drafted_tokens = 0, mtp_accepted_tokens = 0;  // of those, the model's own layer's
  double decode_ms = 0;                                          // from the first token to the last
  std::int64_t peak_rss_bytes = 0;

  /// Of the tokens really computed.
  [[nodiscard]] double prefill_tok_s() const;
  [[nodiscard]] double decode_tok_s() const;
  [[nodiscard]] double tpot_ms() const;
};

}  // namespace dsa
