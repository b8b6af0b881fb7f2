#include "text/passages.h"

#include <algorithm>

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace dsa {
namespace {

constexpr std::size_t kMost = 1200;  // bytes of a piece: code may go on for pages without an empty line
constexpr std::string_view kBlank = " \t\r\n";

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Where the paragraph at the front of `text` ends, with the empty lines behind it.
std::size_t paragraph_end(std::string_view text) {
  const auto empty_line = text.find("\n\n", std::min(text.find_first_not_of('\n'), text.size()));
  return std::min(text.find_first_not_of('\n', empty_line), text.size());
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view cut_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  for (const char border : {'\n', ' '}) {
    const auto at = text.substr(0, most).rfind(border);
    if (at != std::string_view::npos && at >= most / 2) return text.substr(0, at + 1);
  }
  std::size_t end = most;
  while (end > 1 && continues_character(text[end])) --end;
  return text.substr(0, end);
}

Passages::Passages(std::span<const std::string> texts) {
  for (const auto& text : texts) {
    std::string storage;
    const std::string& kept = texts_.emplace_back(repaired_utf8(text, storage));
    for (std::size_t begin = 0; begin < kept.size();) {
      const std::string_view rest = std::string_view(kept).substr(begin);
      const std::size_t size = cut_text(rest.substr(0, paragraph_end(rest)), kMost).size();
      if (!trimmed(rest.substr(0, size)).empty())
        pieces_.push_back({.text = texts_.size() - 1, .begin = begin, .end = begin + size});
      begin += size;
    }
  }
  if (pieces_.empty()) fail("no text was given: expected at least one paragraph");
}

std::string Passages::read(std::size_t& at, std::int64_t bytes) const {
  std::string out;
  std::size_t text = pieces_[at].text;
  while (out.empty() || static_cast<std::int64_t>(out.size()) < bytes) {
    const Piece& piece = pieces_[at];
    if (piece.text != text) out += "\n\n";
    text = piece.text;
    out.append(texts_[piece.text], piece.begin, piece.end - piece.begin);
    at = (at + 1) % pieces_.size();
  }
  return std::string(trimmed(out));
}

std::string Passages::draw(Draws& draws, std::int64_t bytes) const {
  std::size_t at = any(draws);
  return read(at, bytes);
}

}  // namespace dsa
