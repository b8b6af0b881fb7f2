// What a tokenizer is made of, whichever file it came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/split_table.h"

namespace dsa {

/// Text that becomes one token before the pre-tokenizer sees it.
struct AddedToken {
  std::int32_t id = 0;
  std::string text;
  bool special = false;      // control token: decode can skip it
  bool lstrip = false;       // swallows white space before it
  bool rstrip = false;       // ... and after it
  bool single_word = false;  // only between characters that are no part of a word
  bool normalized = false;   // found in the normalised text, else in the text as it came
};

struct TokenizerSpec {
  std::string who;  // names the file in error messages

  std::vector<std::string> tokens;  // by id, in GPT-2's byte alphabet; "": the id has no ordinary token
  struct Merge {
    std::string left;
    std::string right;
  };
  std::vector<Merge> merges;  // first = lowest rank
  std::vector<AddedToken> added;

  const PreTokenizerRule* pre = nullptr;
  bool nfc = false;
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say

  std::optional<std::string> unknown;  // token for bytes the vocabulary cannot spell; none: they are dropped

  std::optional<std::int32_t> bos;
  std::vector<std::int32_t> eos;
  std::vector<std::int32_t> prefix;  // what a plain prompt begins with
  std::optional<std::string> chat_template;
  std::string chat_template_fault;  // what is wrong with the files' template; "": nothing
};

/// "left right" as both file formats write a merge; throws Error unless it is two parts.
TokenizerSpec::Merge split_merge(std::string_view text, std::size_t rank, std::string_view who);

/// Takes a chat template that a file carries, or what is wrong with it.
void set_chat_template(std::string_view text, std::string_view who, TokenizerSpec& spec);

/// Limits on what a file may ask for; the largest known vocabulary has 262 K tokens and 515 K merges.
inline constexpr std::int64_t kMaxTokens = std::int64_t{1} << 22;
inline constexpr std::size_t kMaxMerges = std::size_t{1} << 22;
inline constexpr std::size_t kMaxTokenBytes = 16384;
inline constexpr std::size_t kMaxAddedTokenBytes = 1024;  // bounds the matcher's work per byte of text
inline constexpr std::size_t kMaxTemplateBytes = std::size_t{1} << 20;  // published ones: 30 KB at most
inline constexpr std::size_t kMaxTextBytes = std::size_t{1}
                                             << 29;  // times 3 at most (repair, NFC) stays below 2^31

}  // namespace dsa
