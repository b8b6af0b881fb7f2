// Text of strangers (models, files, names of folders) that is to be shown.
#pragma once

#include <string>
#include <string_view>

namespace dsa {

// printable(), for one line inside of an error, is declared in base/error.h.

/// `text` made safe for a terminal: line breaks and tabs stay; escape sequences, other control characters,
/// what reorders the text around it and invalid UTF-8 become visible (\x1b, \u202e).  A text that comes piece
/// by piece is to be cut between characters.
std::string terminal_text(std::string_view text);

}  // namespace dsa
