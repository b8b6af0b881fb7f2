#include "tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "tokenizer/utf8.h"

namespace dsa {
namespace {

constexpr bool prints_as_itself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> of_byte{};
  std::array<std::int16_t, 512> byte_of{};  // by code point; -1: not in the alphabet

  constexpr Alphabet() {
    byte_of.fill(-1);
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      of_byte[b] = prints_as_itself(b) ? b : next++;
      byte_of[of_byte[b]] = static_cast<std::int16_t>(b);
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

char32_t alphabet_of_byte(unsigned char byte) { return kAlphabet.of_byte[byte]; }

std::optional<std::string> bytes_of_alphabet(std::string_view entry) {
  std::string storage;
  if (repaired_utf8(entry, storage).data() != entry.data()) return std::nullopt;
  std::string bytes;
  while (!entry.empty()) {
    const char32_t c = next_code_point(entry);
    if (c >= kAlphabet.byte_of.size() || kAlphabet.byte_of[c] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.byte_of[c]));
  }
  return bytes;
}

}  // namespace dsa
