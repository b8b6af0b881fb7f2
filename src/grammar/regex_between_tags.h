// Expressions for texts that stand between tags, as some models write the arguments of a call.
#pragma once

#include <string>
#include <string_view>

namespace dsa {

/// `plain`: an expression as plain_regex() gives it.  What the result matches, `plain` matches, and it holds
/// no '<': no text of it ends the tag early.  Throws StructureError that begins with `who`, if there would be
/// nothing left or it cannot be told.
std::string regex_between_tags(std::string_view plain, std::string_view who);

}  // namespace dsa
