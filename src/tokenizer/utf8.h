// UTF-8 that may be broken.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dsa {

/// Appends `bytes` to `out` with U+FFFD for every ill-formed part, one for each maximal subpart (Unicode 3.9,
/// table 3-8), which is what Python's errors="replace" and Rust's from_utf8_lossy do.  Returns how many bytes
/// at the end are the beginning of a character that the text stops in (0 to 3); those are not appended.
std::size_t append_replacing(std::string& out, std::string_view bytes);

/// `text` itself if it is UTF-8, else a repaired copy of it kept in `storage`.
std::string_view repaired_utf8(std::string_view text, std::string& storage);

void append_utf8(std::string& out, char32_t code_point);

/// Decodes the character at the front of valid, non-empty UTF-8 and removes it.
char32_t next_code_point(std::string_view& valid);

}  // namespace dsa
