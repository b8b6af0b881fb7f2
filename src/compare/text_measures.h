// What can be counted of an answer's text, whoever wrote it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::compare {

/// What white space separates.
std::vector<std::string> words(std::string_view text);

/// Lines that hold anything but white space.
std::int64_t lines(std::string_view text);

/// The insides of fenced blocks (``` or ~~~); one that is not closed reaches to the end.
struct CodeBlock {
  std::string language;  // lower case; "" if it names none
  std::string text;
};
std::vector<CodeBlock> code_blocks(std::string_view text);

/// Whether it goes round in circles: RepetitionWatch's rule (engine/repetition.h), for words in place of
/// tokens.
bool loops(std::string_view text);

/// The share of its runs of four words, lower case, that were there before; 0 if it has fewer words.
double repeated_share(std::string_view text);

/// The number of the first word in which they differ, from 0; none if they are the same word for word.
std::optional<std::int64_t> first_difference(std::string_view a, std::string_view b);

/// The last number in the text, as people write them: "1,250.5" is 1250.5.
std::optional<double> last_number(std::string_view text);

/// ASCII in lower case, with single spaces in place of whatever is neither letter nor digit, and one at
/// each end: what says the same looks the same, and whole words can be found.
std::string plain(std::string_view text);

/// The harmonic mean of the shares of each one's plain words that the other has too, from 0 to 1.
double word_overlap(std::string_view answer, std::string_view reference);

}  // namespace dsa::compare
