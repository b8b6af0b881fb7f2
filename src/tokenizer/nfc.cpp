#include "tokenizer/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace dsa {
namespace {

// Every character below U+0300 is its own form C and combines with nothing before it.  Lead bytes from 0xCC
// on begin U+0300 and up.
bool plainly_normal(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0xCC; });
}

int combining_class(std::int32_t c) { return utf8proc_get_property(c)->combining_class; }

void decompose(std::string_view text, std::vector<utf8proc_int32_t>& out) {
  while (!text.empty()) {
    const auto c = static_cast<utf8proc_int32_t>(next_code_point(text));
    utf8proc_int32_t parts[16];  // a canonical decomposition has at most four
    int last_boundclass = 0;
    const auto n = utf8proc_decompose_char(c, parts, 16, UTF8PROC_DECOMPOSE, &last_boundclass);
    DSA_CHECK(n > 0 && n <= 16);
    out.insert(out.end(), parts, parts + n);
  }
}

// Canonical ordering: each run of marks (class above 0) sorted by class, equals in their order.
void reorder(std::vector<utf8proc_int32_t>& text) {
  const auto is_mark = [](utf8proc_int32_t c) { return combining_class(c) > 0; };
  for (auto at = text.begin(); at != text.end();) {
    const auto first = std::find_if(at, text.end(), is_mark);
    const auto last = std::find_if_not(first, text.end(), is_mark);
    std::ranges::stable_sort(first, last, {}, combining_class);
    at = last;
  }
}

}  // namespace

std::string_view nfc(std::string_view valid, std::string& storage) {
  if (plainly_normal(valid)) return valid;
  std::vector<utf8proc_int32_t> text;
  text.reserve(valid.size());
  decompose(valid, text);
  reorder(text);
  const auto n = utf8proc_normalize_utf32(text.data(), static_cast<utf8proc_ssize_t>(text.size()),
                                          static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  DSA_CHECK(n >= 0 && static_cast<std::size_t>(n) <= text.size());
  storage.clear();
  storage.reserve(valid.size());
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
    append_utf8(storage, static_cast<char32_t>(text[i]));
  return storage;
}

}  // namespace dsa
