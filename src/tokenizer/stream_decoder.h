// Ids that arrive one by one, text that leaves in whole characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dsa {

class Tokenizer;

/// The texts of all push() and the flush() joined equal Tokenizer::decode() with InvalidBytes::replace.
/// Holds back at most three bytes, the beginning of a character.  Refers to the tokenizer, which must outlive
/// it.  One thread at a time.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  /// The text that is complete once this token has arrived, often "".  Always valid UTF-8.
  [[nodiscard]] std::string push(std::int32_t id);

  /// The stream is over: U+FFFD if it ended inside a character, else "".  Ready for the next stream.
  [[nodiscard]] std::string flush();

  /// Bytes waiting for the rest of their character, 0 to 3.
  [[nodiscard]] std::size_t held() const { return held_.size(); }

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::string held_;
};

}  // namespace dsa
