// The tokenizer's data inside a GGUF, checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "checkpoint/gguf.h"

namespace dsa {

/// Lists are of the same length or empty, ids inside the vocabulary.
/// Strings are views into the file, any bytes.
struct GgufVocabulary {
  /// The file's numbers.
  enum class TokenType : std::int32_t { undefined, normal, unknown, control, user_defined, unused, byte };

  std::string_view model;  // "gpt2": byte-level BPE; "llama": SentencePiece; ...
  std::string_view pre;    // the pre-tokenizer's name; may be empty
  std::vector<std::string_view> tokens;
  std::vector<TokenType> types;  // as many as tokens, or none
  std::vector<float> scores;     // as many as tokens, or none
  std::vector<std::string_view> merges;
  std::optional<std::int32_t> bos, eos, eot, eom, unknown;
  std::optional<bool> add_bos;
  std::string_view chat_template;  // Jinja; may be empty
};

/// Nothing if the file has no tokens.  Throws Error on lists of different lengths and token types out of
/// range; ids of special tokens that are out of range are left out with a warning.
std::optional<GgufVocabulary> read_gguf_vocabulary(const GgufFile& file);

/// Every token that ends an answer: those the file names and, as llama.cpp does, the well-known ones among
/// its control tokens, since many files name only one.
std::vector<std::int32_t> end_of_generation_ids(const GgufVocabulary& vocabulary);

}  // namespace dsa
