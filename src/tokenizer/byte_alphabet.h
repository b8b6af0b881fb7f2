// GPT-2's byte alphabet: the 256 printable characters in which byte-level vocabularies are written down.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dsa {

/// The character that stands for a byte: itself where Latin-1 prints something there, else U+0100 and up.
char32_t alphabet_of_byte(unsigned char byte);

/// The bytes a vocabulary entry stands for ("Ġthe" -> " the"); nullopt if a character of it is not in the
/// alphabet or it is not UTF-8.
std::optional<std::string> bytes_of_alphabet(std::string_view entry);

}  // namespace dsa
