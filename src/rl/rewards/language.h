// Which language a text is in, by its script and a small list of words; and texts that mix two, to unlearn.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dsa::rl {

enum class Language : std::uint8_t { english, german, persian };
std::string_view name(Language language);
/// Throws Error that lists them.
Language language_named(std::string_view name);

/// Share of a text's words that are of the language (R1's language consistency).
///   A word is a run of two letters or more, within which no digit stands ("w12" is a name, no word).
///   Persian: its letters are of the Arabic script.  English and German: they are Latin, and the word is not
///   on the list of the other language alone (language_words.h), whatever its case.
///   The words that a message is marked with ("answer", "search", "read", "edit", "run", "done", "nothing" of
///   a line's beginning) and words of a capital first letter, which are names, are of no language.
/// 1 where there is no word of any language; 0 of a blank text.
double language_share(std::string_view text, Language target);

/// The text with each English word that the list knows in German put into German with the probability
/// `share`: a pure function of its arguments.  Lines that begin with a mark stay.
std::string mixed_languages(std::string_view text, double share, std::uint64_t seed);

}  // namespace dsa::rl
