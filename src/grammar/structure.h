// What a person asks an answer to look like.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dsa {

enum class StructureKind : std::uint8_t {
  json_object,  // any JSON object; no text
  json_schema,  // JSON that the schema admits: schema_subset.h
  regex,        // the whole answer matches: regex_subset.h
  ebnf,         // a grammar in GBNF (llama.cpp's) or EBNF, with a rule `root`
  calls,        // of tools: what structure_of_calls() makes
};
// "JSON object", "JSON schema", "regular expression", "grammar", "calls of tools"
std::string_view name(StructureKind kind);

struct Structure {
  StructureKind kind = StructureKind::json_object;
  std::string text = {};
  /// Texts that are special tokens of some vocabularies, and may be written all the same.
  std::vector<std::string> marks = {};
};

/// A structure that cannot be held to: what() names the keyword and where it stands.
class StructureError : public Error {
 public:
  using Error::Error;
};

/// What `structure` may have, in bytes, however deep it nests.
inline constexpr std::size_t kMostStructureBytes = 64 << 10;
inline constexpr std::size_t kMostCallsBytes = 512 << 10;  // of all tools
inline constexpr int kDeepestStructure = 64;
/// Repetitions of one thing: `maxLength`, `{m,n}`; and of all that are nested in one another together.
inline constexpr std::int64_t kMostRepetitions = 10'000;

/// An answer that is one of these texts, as EBNF.
std::string ebnf_of_choices(const std::vector<std::string>& choices);

}  // namespace dsa
