#include "tokenizer/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <span>
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

// `tokenizers` normalises by Unicode 9: what is newer decomposes, reorders and composes with nothing, and the
// models were trained on that.  Marks that Unicode 10 to 14 added, and the one new composition (U+11938).
struct Range {
  char32_t first;
  char32_t last;
};
constexpr Range kNewer[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
    {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
    {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11930, 0x11930},
    {0x11938, 0x11938}, {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97},
    {0x16FF0, 0x16FF1}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}};

bool is_newer(utf8proc_int32_t c) {
  const auto code_point = static_cast<char32_t>(c);
  const auto* range = std::ranges::lower_bound(kNewer, code_point, {}, &Range::last);
  return range != std::end(kNewer) && code_point >= range->first;
}

int combining_class(utf8proc_int32_t c) {
  return is_newer(c) ? 0 : utf8proc_get_property(c)->combining_class;
}

void decompose(std::string_view text, std::vector<utf8proc_int32_t>& out) {
  while (!text.empty()) {
    const auto c = static_cast<utf8proc_int32_t>(next_code_point(text));
    utf8proc_int32_t parts[16];  // a canonical decomposition has at most four
    int last_boundclass = 0;
    const auto n =
        is_newer(c) ? 0 : utf8proc_decompose_char(c, parts, 16, UTF8PROC_DECOMPOSE, &last_boundclass);
    DSA_CHECK(n >= 0 && n <= 16);
    if (n == 0) out.push_back(c);
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

void append_composed(std::span<utf8proc_int32_t> text, std::string& out) {
  const auto n = utf8proc_normalize_utf32(text.data(), static_cast<utf8proc_ssize_t>(text.size()),
                                          static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  DSA_CHECK(n >= 0 && static_cast<std::size_t>(n) <= text.size());
  for (const auto c : text.first(static_cast<std::size_t>(n))) append_utf8(out, static_cast<char32_t>(c));
}

}  // namespace

std::string_view nfc(std::string_view valid, std::string& storage) {
  if (plainly_normal(valid)) return valid;
  std::vector<utf8proc_int32_t> text;
  text.reserve(valid.size());
  decompose(valid, text);
  reorder(text);
  storage.clear();
  storage.reserve(valid.size());
  std::span<utf8proc_int32_t> rest(text);
  while (!rest.empty()) {
    const auto newer = static_cast<std::size_t>(std::ranges::find_if(rest, is_newer) - rest.begin());
    if (newer > 0) append_composed(rest.first(newer), storage);
    if (newer < rest.size()) append_utf8(storage, static_cast<char32_t>(rest[newer]));
    rest = rest.subspan(std::min(newer + 1, rest.size()));
  }
  return storage;
}

}  // namespace dsa
