// The regular expressions that an answer can be held to, exactly.
#pragma once

#include <string>
#include <string_view>

namespace dsa {

/// The expression as it is compiled: the same language, of whole texts.  ECMAScript's syntax without what
/// looks around (lookahead, \b), refers back, names classes of Unicode (\p), or sets flags; `^` and `$` at
/// the ends alone.  Throws StructureError that names the place; `who`: "pattern", as its message begins.
std::string plain_regex(std::string_view text, std::string_view who);

}  // namespace dsa
