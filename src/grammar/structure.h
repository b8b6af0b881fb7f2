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
};
std::string_view name(StructureKind kind);  // "JSON object", "JSON schema", "regular expression", "grammar"

struct Structure {
  StructureKind kind = StructureKind::json_object;
  std::string text = {};
};

/// A structure that cannot be held to: what() names the keyword and where it stands.
class StructureError : public Error {
 public:
  using Error::Error;
};

/// What `structure` may have, in bytes, however deep it nests.
inline constexpr std::size_t kMostStructureBytes = 64 << 10;
inline constexpr int kDeepestStructure = 64;
/// Repetitions of one thing: `maxLength`, `{m,n}`; and of all that are nested in one another together.
inline constexpr std::int64_t kMostRepetitions = 10'000;

/// An answer that is one of these texts, as EBNF.
std::string ebnf_of_choices(const std::vector<std::string>& choices);

}  // namespace dsa
