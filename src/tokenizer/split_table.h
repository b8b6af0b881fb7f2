// The splits that pre-tokenizers are made of.  A file names them by its own regular expression, which is
// looked up here and never run: patterns from outside can take exponential time (docs/hostile-inputs.md R11).
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace dsa {

struct SplitRule {
  std::string_view name;          // ours
  std::string_view file;          // the pattern as tokenizer.json spells it
  std::string_view pattern = {};  // PCRE2's; "": `file` with \s and \S written as properties
  bool covers = false;            // every character is part of some match
};

/// nullptr if unknown.
const SplitRule* find_split(std::string_view name);
const SplitRule* find_split_by_file_pattern(std::string_view file_pattern);

/// A pre-tokenizer as model families use it, with what goes with it in a GGUF (which does not say).
struct PreTokenizerRule {
  std::string_view name;
  std::span<const std::string_view> splits;
  std::span<const std::string_view> gguf_names;  // of tokenizer.ggml.pre
  bool nfc = false;
  bool ignore_merges = false;
  bool add_bos = false;  // if the GGUF does not say
};

std::span<const PreTokenizerRule> pre_tokenizer_rules();
/// nullptr if unknown.  By splits the first family that uses them: glm4 and llama3 cut alike.
const PreTokenizerRule* find_pre_tokenizer(std::string_view gguf_name);
const PreTokenizerRule* find_pre_tokenizer(std::span<const std::string_view> splits);

}  // namespace dsa
