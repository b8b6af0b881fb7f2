// Finds added tokens in text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/function_ref.h"
#include "tokenizer/tokenizer_spec.h"

namespace dsa {

/// White_Space of Unicode.
bool is_white_space(char32_t c);

/// \w of Unicode: letters, marks, decimal digits, connectors and joiners.
bool is_word_character(char32_t c);

/// Searches for many texts at once: leftmost first, then longest, never overlapping.  Work per byte of text
/// is bounded by the longest added token.  Immutable; any number of threads may share one.
class AddedTokenMatcher {
 public:
  enum class Accept : std::uint8_t { all, no_control };

  /// The tokens must outlive the matcher; `texts[i]` is what to look for as `tokens[i]`.
  void add(const AddedToken& token, std::string_view text, bool control);
  [[nodiscard]] bool empty() const { return tokens_.empty(); }

  /// Calls `text` for what lies between tokens (never empty) and `token` for each token, in order.  With
  /// Accept::no_control the control tokens are text; what such a text covers is not searched again.
  void split(std::string_view valid, Accept accept, FunctionRef<void(std::string_view)> text,
             FunctionRef<void(std::int32_t)> token) const;

 private:
  struct Entry {
    const AddedToken* token;
    bool control;
  };
  struct Match {
    std::size_t length = 0;  // 0: none
    std::uint32_t entry = 0;
  };
  [[nodiscard]] Match longest_at(std::string_view text) const;

  std::vector<Entry> tokens_;
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;  // node << 8 | byte -> node; the root is 0
  std::vector<std::uint32_t> ends_{0};                      // by node: index into tokens_ + 1, 0: none
  bool starts_[256] = {};                                   // first bytes of the texts
};

}  // namespace dsa
