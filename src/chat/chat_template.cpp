#include "chat/chat_template.h"

#include <algorithm>
#include <cctype>

namespace dsa {
namespace {

constexpr std::string_view kBlank = " \t\n\r\f\v";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string with_unix_newlines(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Reads the string that begins at text[at] (a quote) and leaves `at` behind it; the value, without escapes.
std::string read_string(std::string_view text, std::size_t& at) {
  const char quote = text[at++];
  std::string value;
  while (at < text.size() && text[at] != quote) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      const char c = text[++at];
      if (c == 'n')
        value += '\n';
      else if (c == 't')
        value += '\t';
      else if (c == '\\' || c == '\'' || c == '"')
        value += c;
      else
        (value += '\\') += c;  // as Python: an unknown escape stays
      ++at;
    } else {
      value += text[at++];
    }
  }
  ++at;
  return value;
}

std::string in_quotes(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\\' || c == '\'')
      (out += '\\') += c;
    else
      out += c;
  }
  return out + "'";
}

bool is_identifier(std::string_view s) {
  return !s.empty() && std::isdigit(static_cast<unsigned char>(s[0])) == 0 &&
         std::all_of(s.begin(), s.end(), is_word);
}

// What stands inside a tag, in normal form.
std::string normal_tag(std::string_view text) {
  std::string out;
  bool blank = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (kBlank.find(c) != std::string_view::npos) {
      blank = true;
      ++i;
      continue;
    }
    // "'is' x": a blank between two words stays; a string ends a word, so ['a'] needs none.
    if (blank && is_word(c) && !out.empty() && is_word(out.back())) out += ' ';
    blank = false;
    if (c == '[' && i + 1 < text.size() && (text[i + 1] == '\'' || text[i + 1] == '"') && !out.empty() &&
        (is_word(out.back()) || out.back() == ']' || out.back() == ')')) {
      std::size_t end = i + 1;
      const std::string key = read_string(text, end);
      if (end < text.size() && text[end] == ']' && is_identifier(key)) {
        (out += '.') += key;
        i = end + 1;
        continue;
      }
    }
    if (c == '\'' || c == '"') {
      out += in_quotes(read_string(text, i));
      continue;
    }
    out += c;
    ++i;
  }
  return out;
}

// Position of `close` behind `at`, strings skipped; npos if there is none.
std::size_t find_close(std::string_view text, std::size_t at, std::string_view close) {
  while (at < text.size()) {
    if (text.substr(at, close.size()) == close) return at;
    if (text[at] == '\'' || text[at] == '"')
      read_string(text, at);
    else
      ++at;
  }
  return std::string_view::npos;
}

}  // namespace

// After jinja2/lexer.py: "-" strips all blanks on its side; lstrip_blocks strips the blanks before a block or
// comment that begins its line; trim_blocks strips the newline after one.
ChatTemplate::ChatTemplate(std::string_view source) : source_(with_unix_newlines(source)) {
  std::string_view rest = source_;
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  bool line_start = true;  // the text before the next tag begins a line
  bool strip_left = false;
  const auto add_text = [&](std::string_view text) {
    normal_ += text;
    bare_text_ += text;
  };
  while (!rest.empty()) {
    std::size_t open = rest.find('{');
    while (open != std::string_view::npos &&
           (open + 1 >= rest.size() ||
            (rest[open + 1] != '{' && rest[open + 1] != '%' && rest[open + 1] != '#')))
      open = rest.find('{', open + 1);
    std::string_view text = rest.substr(0, open);
    if (strip_left) {
      const std::size_t first = text.find_first_not_of(kBlank);
      text.remove_prefix(first == std::string_view::npos ? text.size() : first);
    }
    if (open == std::string_view::npos) {
      add_text(text);
      return;
    }
    const char kind = rest[open + 1];
    const char sign = open + 2 < rest.size() ? rest[open + 2] : '\0';
    if (sign == '-') {
      text = text.substr(0, text.find_last_not_of(kBlank) + 1);
    } else if (kind != '{' && sign != '+') {
      const std::size_t newline = text.rfind('\n');
      const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      if ((newline != std::string_view::npos || line_start) &&
          text.find_first_not_of(" \t\f\v", line) == std::string_view::npos)
        text = text.substr(0, line);
    }
    add_text(text);

    const std::string_view close = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
    const std::size_t begin = open + 2 + (sign == '-' || sign == '+' ? 1 : 0);
    const std::size_t end = kind == '#' ? rest.find(close, begin) : find_close(rest, begin, close);
    if (end == std::string_view::npos) {  // not closed: keep the rest as it is, it will match nothing
      add_text(rest.substr(open));
      return;
    }
    std::string_view inside = rest.substr(begin, end - begin);
    strip_left = inside.ends_with('-');
    const bool keep_newline = inside.ends_with('+');
    if (strip_left || keep_newline) inside.remove_suffix(1);
    if (kind != '#') (((normal_ += '{') += kind) += normal_tag(inside)) += close;
    rest.remove_prefix(end + 2);
    line_start = false;
    if (kind != '{' && !strip_left && !keep_newline && rest.starts_with('\n')) {
      rest.remove_prefix(1);
      line_start = true;
    }
  }
}

std::optional<std::string> ChatTemplate::between(std::string_view before, std::string_view after) const {
  const std::size_t begin = normal_.find(before);
  if (begin == std::string::npos) return std::nullopt;
  const std::size_t end = normal_.find(after, begin + before.size());
  if (end == std::string::npos) return std::nullopt;
  return normal_.substr(begin + before.size(), end - begin - before.size());
}

std::optional<std::string_view> ChatTemplate::first_missing(
    const std::vector<std::string_view>& fragments) const {
  for (const std::string_view fragment : fragments)
    if (!has(fragment)) return fragment;
  return std::nullopt;
}

std::string ChatTemplate::unescape(std::string_view text) {
  std::string string = "'";  // not one sum: g++ 12 warns of an overlap there at -O3 (GCC bug 105651)
  string.append(text).append("'");
  std::size_t at = 0;
  return read_string(string, at);
}

}  // namespace dsa
