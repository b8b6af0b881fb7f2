#include "base/json_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace dsa {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view without_blanks(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// Bytes of the string that the text begins with, quotes and all.
std::size_t string_size(std::string_view text) {
  std::size_t at = 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

// Bytes until the comma or bracket that ends the value the text begins with.
std::size_t value_size(std::string_view text) {
  std::size_t depth = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at += string_size(text.substr(at));
      continue;
    }
    if (depth == 0 && (c == ',' || c == ']' || c == '}')) break;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    ++at;
  }
  return at;
}

void line(std::string& out, int indent, int depth) {
  if (indent < 0) return;
  out += '\n';
  out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
}

std::string relaid_string(std::string_view string) {
  return string.find('\\') == std::string_view::npos ? std::string(string)
                                                     : json_quoted(json_unquoted(string));
}

void lay_out(std::string_view value, int indent, int depth, std::string& out) {
  value = without_blanks(value);
  if (value.starts_with('"')) {
    out += relaid_string(value);
    return;
  }
  if (!value.starts_with('{') && !value.starts_with('[')) {
    out += value;
    return;
  }
  const std::vector<JsonItem> items = json_items(value);
  out += value.front();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += indent < 0 ? ", " : ",";
    line(out, indent, depth + 1);
    if (value.front() == '{') out.append(relaid_string(fmt::format("\"{}\"", items[i].key))).append(": ");
    lay_out(items[i].value, indent, depth + 1, out);
  }
  if (!items.empty()) line(out, indent, depth);
  out += value.back();
}

}  // namespace

std::vector<JsonItem> json_items(std::string_view text) {
  std::vector<JsonItem> items;
  text = without_blanks(text);
  if (text.size() < 2 || (text.front() != '{' && text.front() != '[')) return items;
  const bool members = text.front() == '{';
  text = without_blanks(text.substr(1, text.size() - 2));
  while (!text.empty()) {
    JsonItem item;
    if (members) {
      const std::size_t key = string_size(text);
      if (key >= 2) item.key = text.substr(1, key - 2);
      text.remove_prefix(std::min(text.find(':', key), text.size() - 1) + 1);
      text = without_blanks(text);
    }
    const std::size_t size = value_size(text);
    item.value = without_blanks(text.substr(0, size));
    items.push_back(item);
    text.remove_prefix(std::min(size + 1, text.size()));
    text = without_blanks(text);
  }
  return items;
}

std::string_view json_member(std::string_view object, std::string_view name) {
  for (const JsonItem& item : json_items(object))
    if (item.key == name) return item.value;
  return {};
}

std::string json_unquoted(std::string_view string) {
  if (string.size() < 2 || string.front() != '"') return std::string(string);
  if (string.find('\\') == std::string_view::npos) return std::string(string.substr(1, string.size() - 2));
  return parse_json(string, "a string").get<std::string>();
}

std::string json_quoted(std::string_view text) { return json_text(nlohmann::json(std::string(text))); }

std::string python_layout(std::string_view json, int indent) {
  std::string out;
  out.reserve(json.size() + json.size() / 8);
  lay_out(json, indent, 0, out);
  return out;
}

}  // namespace dsa
