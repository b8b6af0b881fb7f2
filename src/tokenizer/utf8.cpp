#include "tokenizer/utf8.h"

namespace dsa {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

enum class Status { complete, truncated, broken };
struct Character {
  Status status;
  std::size_t length;  // bytes of the character, or of the maximal subpart
};

// Bounds of the second byte are what keeps out overlong forms, surrogates and values above U+10FFFF.
Character classify(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {Status::complete, 1};
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {Status::broken, 1};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Status::truncated, i};
    if (byte(i) < low || byte(i) > high) return {Status::broken, i};
    low = 0x80;
    high = 0xBF;
  }
  return {Status::complete, length};
}

// Bytes of the well-formed text at the front.
std::size_t valid_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Character c = classify(text.substr(at, 4));
    if (c.status != Status::complete) break;
    at += c.length;
  }
  return at;
}

}  // namespace

std::size_t append_replacing(std::string& out, std::string_view bytes) {
  while (true) {
    const std::size_t good = valid_prefix(bytes);
    out.append(bytes.substr(0, good));
    bytes.remove_prefix(good);
    if (bytes.empty()) return 0;
    const Character c = classify(bytes.substr(0, 4));
    if (c.status == Status::truncated) return bytes.size();
    out.append(kReplacement);
    bytes.remove_prefix(c.length);
  }
}

std::string_view repaired_utf8(std::string_view text, std::string& storage) {
  if (valid_prefix(text) == text.size()) return text;
  storage.clear();
  storage.reserve(text.size() + 16);
  if (append_replacing(storage, text) > 0) storage.append(kReplacement);
  return storage;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

char32_t next_code_point(std::string_view& valid) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(valid[i]); };
  const char32_t lead = byte(0);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t c = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) c = (c << 6) | (byte(i) & 0x3FU);
  valid.remove_prefix(length);
  return c;
}

}  // namespace dsa
