#include "compare/text_measures.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "engine/repetition.h"

namespace dsa::compare {
namespace {

constexpr std::string_view kBlank = " \t\r\n\v\f";
constexpr std::size_t kRun = 4;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
// Beyond ASCII everything is a letter.
bool in_word(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || (static_cast<unsigned char>(c) & 0x80) != 0;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::string_view without_indent(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

// "```" of "```python", "" if the line opens no block.
std::string_view fence(std::string_view line) {
  line = without_indent(line);
  for (const char mark : {'`', '~'}) {
    const std::size_t n = std::min(line.find_first_not_of(mark), line.size());
    if (n >= 3) return line.substr(0, n);
  }
  return {};
}

}  // namespace

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = text.find_first_not_of(kBlank, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlank, at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

std::int64_t lines(std::string_view text) {
  return std::ranges::count_if(split_lines(text), [](std::string_view line) {
    return line.find_first_not_of(kBlank) != std::string_view::npos;
  });
}

std::vector<CodeBlock> code_blocks(std::string_view text) {
  std::vector<CodeBlock> out;
  std::string_view open;  // its fence
  for (const std::string_view line : split_lines(text)) {
    const std::string_view mark = fence(line);
    if (open.empty() && !mark.empty()) {
      open = mark;
      const std::string_view rest = without_indent(line).substr(mark.size());
      const auto named = words(rest);
      out.push_back({.language = named.empty() ? "" : lowered(named.front()), .text = ""});
    } else if (!open.empty() && mark.starts_with(open) && words(line).size() == 1 && words(line)[0] == mark) {
      open = {};
    } else if (!open.empty()) {
      out.back().text.append(line).append("\n");
    }
  }
  return out;
}

bool loops(std::string_view text) {
  std::map<std::string, std::int32_t> ids;
  std::vector<std::int32_t> said;
  RepetitionWatch watch;
  for (std::string& word : words(text)) {
    said.push_back(ids.try_emplace(std::move(word), static_cast<std::int32_t>(ids.size())).first->second);
    if (watch.push(said)) return true;
  }
  return false;
}

double repeated_share(std::string_view text) {
  const auto all = words(lowered(text));
  if (all.size() < kRun) return 0;
  std::set<std::vector<std::string>> seen;
  std::size_t again = 0;
  for (auto at = all.begin(); at + kRun <= all.end(); ++at)
    again += seen.insert({at, at + kRun}).second ? 0 : 1;
  return static_cast<double>(again) / static_cast<double>(all.size() - kRun + 1);
}

std::optional<std::int64_t> first_difference(std::string_view a, std::string_view b) {
  const auto left = words(a), right = words(b);
  const auto [at, other] = std::ranges::mismatch(left, right);
  if (at == left.end() && other == right.end()) return std::nullopt;
  return at - left.begin();
}

std::optional<double> last_number(std::string_view text) {
  std::optional<double> out;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    const bool in_name = at > 0 && (in_word(text[at - 1]) || text[at - 1] == '_');  // "x2" is no number
    const bool minus = at > 0 && text[at - 1] == '-' && (at < 2 || !in_word(text[at - 2]));
    std::string digits = minus ? "-" : "";
    const auto more = [&](std::size_t i) { return i + 1 < text.size() && is_digit(text[i + 1]); };
    bool point = false;
    for (; at < text.size(); ++at) {
      if (is_digit(text[at]))
        digits += text[at];
      else if (text[at] == '.' && !point && more(at))
        digits += text[at], point = true;
      else if (text[at] != ',' || point || !more(at))
        break;
    }
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (!in_name && error == std::errc{} && std::isfinite(value)) out = value;
  }
  return out;
}

std::string plain(std::string_view text) {
  std::string out = " ";
  for (const char c : text) {
    if (in_word(c))
      out += lower(c);
    else if (out.back() != ' ')
      out += ' ';
  }
  if (out.back() != ' ') out += ' ';
  return out;
}

double word_overlap(std::string_view answer, std::string_view reference) {
  std::map<std::string, std::int64_t> left;
  const auto said = words(plain(answer)), wanted = words(plain(reference));
  for (const std::string& word : wanted) ++left[word];
  std::int64_t both = 0;
  for (const std::string& word : said)
    if (const auto found = left.find(word); found != left.end() && found->second > 0) --found->second, ++both;
  if (said.empty() || wanted.empty()) return said.empty() && wanted.empty() ? 1 : 0;
  return 2 * static_cast<double>(both) / static_cast<double>(said.size() + wanted.size());
}

}  // namespace dsa::compare
