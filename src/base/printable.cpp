#include "base/printable.h"

#include "base/error.h"

namespace dsa {
namespace {

// Length of the valid UTF-8 sequence at the start of `s`, 0 if there is none
// (overlong, surrogate, cut short).
std::size_t utf8_length(std::string_view s) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char c = at(0);
  if (c < 0x80) return 1;
  const std::size_t n = c >= 0xF0 && c <= 0xF4  ? 4
                        : c >= 0xE0 && c < 0xF0 ? 3
                        : c >= 0xC2 && c < 0xE0 ? 2
                                                : 0;
  if (n == 0 || s.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((at(i) & 0xC0) != 0x80) return 0;
  if ((c == 0xE0 && at(1) < 0xA0) || (c == 0xED && at(1) > 0x9F) || (c == 0xF0 && at(1) < 0x90) ||
      (c == 0xF4 && at(1) > 0x8F))
    return 0;
  return n;
}

// The first character of valid UTF-8.
char32_t first_character(std::string_view s, std::size_t length) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  if (length == 1) return at(0);
  char32_t c = at(0) & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) c = (c << 6) | (at(i) & 0x3FU);
  return c;
}

// C0, DEL and C1: what a terminal obeys.
bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

// What changes the order in which the text around it is shown.
bool reorders(char32_t c) { return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069); }

// Marks of direction: invisible, at home in Arabic and Hebrew text.
bool is_direction_mark(char32_t c) { return c == 0x061C || c == 0x200E || c == 0x200F; }

// `text` with the characters that `shown` refuses, and bytes that are no UTF-8, as \\x and \\u escapes.
template <class Shown>
std::string escaped(std::string_view text, std::size_t max_bytes, const Shown& shown) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= max_bytes) return out + "...";
    const std::size_t n = utf8_length(text);
    const char32_t c = n == 0 ? static_cast<unsigned char>(text[0]) : first_character(text, n);
    if (n != 0 && shown(c))
      out += text.substr(0, n);
    else
      out += c < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                       : fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
  return escaped(text, max_bytes,
                 [](char32_t c) { return !is_control(c) && !reorders(c) && !is_direction_mark(c); });
}

std::string terminal_text(std::string_view text) {
  return escaped(text, std::string_view::npos,
                 [](char32_t c) { return c == '\n' || c == '\t' || (!is_control(c) && !reorders(c)); });
}

}  // namespace dsa
