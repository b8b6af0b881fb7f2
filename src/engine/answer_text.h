// The text of an answer as it grows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sampling/stop_matcher.h"
#include "tokenizer/stream_decoder.h"

namespace dsa {

/// Ids to whole characters, stop strings taken out.  `tokenizer` must outlive it.  One thread at a time.
class AnswerText {
 public:
  /// Throws Error if a stop string is none.  `show_special`: special tokens become part of the text.
  AnswerText(const Tokenizer& tokenizer, std::vector<std::string> stop_strings, bool show_special);

  /// The text that this token made sure of, often "".  `may_stop`: stop strings count; those of which a part
  /// came before they did are text.
  [[nodiscard]] std::string push(std::int32_t token, bool may_stop = true);
  /// A stop string is complete: what comes after it is no text.
  [[nodiscard]] std::optional<std::string> stopped() const;
  /// What was held back.
  [[nodiscard]] std::string finish();

 private:
  StreamDecoder decoder_;
  std::vector<std::string> stop_strings_;
  StopMatcher stops_;
};

}  // namespace dsa
