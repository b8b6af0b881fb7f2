// JSON as it stands in a text: with its keys in their order and its numbers as they are written, which a
// parsed value no longer has.  For texts that parse_json() takes; of any other the answer is an Error or of
// no use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dsa {

/// A member of an object or an element of an array: views of the text.
struct JsonItem {
  std::string_view key;  // without its quotes, escapes as they stand; of an element ""
  std::string_view value;
};
/// What an object or an array consists of; nothing for any other value.
std::vector<JsonItem> json_items(std::string_view text);
/// The value of the object's first member of that name, which needs no escapes; "" if it has none.
std::string_view json_member(std::string_view object, std::string_view name);

/// What a string's text stands for: "a\u00e9" is aé.
std::string json_unquoted(std::string_view string);
/// The text as a string of JSON, within quotes.
std::string json_quoted(std::string_view text);

/// The layout of Python's json.dumps(..., ensure_ascii=False), which models have read in training: ", " and
/// ": " as separators, or lines that are indented.
std::string python_layout(std::string_view json, int indent = -1);

}  // namespace dsa
