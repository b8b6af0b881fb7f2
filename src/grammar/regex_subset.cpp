#include "grammar/regex_subset.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "grammar/structure.h"

namespace dsa {
namespace {

constexpr std::string_view kClasses = "dDwWsS";          // \d
constexpr std::string_view kControls = "tnrfv";          // \n
constexpr std::string_view kMeta = "^$.*+?\\()[]{}|/-";  // \.

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Walks an expression once; counts how large it is when its repetitions are written out.
class Reader {
 public:
  Reader(std::string_view text, std::string_view who) : text_(text), who_(who) {}

  std::string read() {
    if (text_.size() > kMostStructureBytes)
      wrong(fmt::format("it has {} bytes, at most {} are taken", text_.size(), kMostStructureBytes));
    while (at_ < text_.size()) step();
    if (open_.size() > 1) wrong("a \"(\" is not closed");
    return out_;
  }

 private:
  [[noreturn]] void wrong(std::string_view what) const {
    throw StructureError(fmt::format("{}: at byte {} of \"{}\": {}", who_, at_, printable(text_, 60), what));
  }
  [[nodiscard]] bool next_is(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  void copy(std::size_t bytes) {
    out_ += text_.substr(at_, bytes);
    at_ += bytes;
  }
  // `size`: of what may be repeated next.
  void atom(std::int64_t size) {
    last_ = size;
    open_.back() += size;
    if (open_.back() > kMostRepetitions)
      wrong(fmt::format("written out it repeats more than {} times", kMostRepetitions));
  }
  void repeat(std::int64_t times) {
    open_.back() -= last_;
    atom(last_ * std::max<std::int64_t>(times, 1));
  }

  void step() {
    switch (text_[at_]) {
      case '\0':
        wrong("a NUL");
      case '^':
        if (at_ > 0) wrong("\"^\" is taken at the beginning alone");
        return copy(1);
      case '$':
        if (at_ + 1 < text_.size()) wrong("\"$\" is taken at the end alone");
        return copy(1);
      case '(':
        return open();
      case ')':
        if (open_.size() == 1) wrong("a \")\" that closes nothing");
        last_ = open_.back();
        open_.pop_back();
        atom(last_);
        return copy(1);
      case '[':
        return character_class();
      case '{':
        return count();
      case '\\':
        escape();
        return atom(1);
      case '*':
      case '+':
      case '?':
      case '|':
        return copy(1);
      default:
        copy(1);
        return atom(1);
    }
  }

  void open() {
    const std::string_view rest = text_.substr(at_);
    std::size_t bytes = 1;
    if (rest.starts_with("(?:")) {
      bytes = 3;
    } else if (rest.starts_with("(?<") && !rest.starts_with("(?<=") && !rest.starts_with("(?<!")) {
      bytes = rest.find('>') + 1;
      if (bytes == 0) wrong("the name of a group is not closed");
    } else if (rest.starts_with("(?")) {
      wrong("looking around and flags cannot be held to");
    }
    if (std::cmp_greater_equal(open_.size(), kDeepestStructure))
      wrong(fmt::format("groups are nested deeper than {}", kDeepestStructure));
    at_ += bytes;
    out_ += '(';
    open_.push_back(0);
  }

  void character_class() {
    const std::size_t begin = at_;
    copy(next_is("[^") ? 2 : 1);
    while (at_ < text_.size() && text_[at_] != ']') {
      if (text_[at_] == '\0') wrong("a NUL");
      text_[at_] == '\\' ? escape() : copy(1);
    }
    if (at_ == text_.size()) {
      at_ = begin;
      wrong("a \"[\" is not closed");
    }
    copy(1);
    atom(1);
  }

  // {3}, {3,}, {3,5}
  void count() {
    const std::size_t end = text_.find('}', at_);
    const std::string_view inside = end == std::string_view::npos ? "" : text_.substr(at_ + 1, end - at_ - 1);
    const auto comma = inside.find(',');
    const auto number = [](std::string_view digits) {
      std::int64_t value = -1;
      const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      return error == std::errc{} && stop == digits.data() + digits.size() ? value : -1;
    };
    const std::int64_t least = number(inside.substr(0, comma));
    const bool open_ended = comma != std::string_view::npos && comma + 1 == inside.size();
    const std::int64_t most =
        comma == std::string_view::npos || open_ended ? least : number(inside.substr(comma + 1));
    if (least < 0 || most < least) wrong("expected {3}, {3,} or {3,5}");
    if (most > kMostRepetitions) wrong(fmt::format("more than {} repetitions", kMostRepetitions));
    repeat(most);
    copy(end + 1 - at_);
  }

  void escape() {
    if (at_ + 1 == text_.size()) wrong("a \"\\\" with nothing behind it");
    const char c = text_[at_ + 1];
    if (kClasses.find(c) != std::string_view::npos || kControls.find(c) != std::string_view::npos ||
        kMeta.find(c) != std::string_view::npos)
      return copy(2);
    if (c == 'x' || c == 'u') {
      const std::size_t digits = c == 'x' ? 2 : 4;
      const std::string_view hex = text_.substr(at_ + 2, digits);
      if (hex.size() < digits || !std::ranges::all_of(hex, [](unsigned char h) { return std::isxdigit(h); }))
        wrong(fmt::format("expected {} hexadecimal digits", digits));
      return copy(2 + digits);
    }
    if (is_alphanumeric(c)) wrong(fmt::format("\"\\{}\" cannot be held to", c));
    // A character that means nothing else stands for itself.
    ++at_;
    copy(1);
  }

  std::string_view text_, who_;
  std::string out_;
  std::size_t at_ = 0;
  std::vector<std::int64_t> open_{0};  // of each open group: its size so far
  std::int64_t last_ = 0;              // of what would be repeated
};

}  // namespace

std::string plain_regex(std::string_view text, std::string_view who) { return Reader(text, who).read(); }

}  // namespace dsa
