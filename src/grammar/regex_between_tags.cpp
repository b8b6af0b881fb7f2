#include "grammar/regex_between_tags.h"

#include <charconv>
#include <optional>

#include "grammar/structure.h"

namespace dsa {
namespace {

// Walks an expression that plain_regex() has read.
class TagWriter {
 public:
  TagWriter(std::string_view text, std::string_view who) : text_(text), who_(who) {}

  std::string write() {
    while (at_ < text_.size()) step();
    return out_;
  }

 private:
  // A character or a class of them, as it is written.
  struct Item {
    std::string_view text;
    std::optional<int> code;  // none: a class
  };

  [[noreturn]] void wrong(std::string_view what) const {
    throw StructureError(fmt::format("{}: \"{}\": {}", who_, printable(text_, 60), what));
  }

  Item take() {
    const std::size_t begin = at_;
    const auto rest = [&] { return text_.substr(begin, at_ - begin); };
    if (text_[at_] != '\\') {
      ++at_;
      return {rest(), static_cast<unsigned char>(text_[begin])};
    }
    const char c = text_[at_ + 1];
    at_ += 2;
    if (c == 'x' || c == 'u') {
      const std::size_t digits = c == 'x' ? 2 : 4;
      int code = 0;
      std::from_chars(text_.data() + at_, text_.data() + at_ + digits, code, 16);
      at_ += digits;
      return {rest(), code};
    }
    if (std::string_view("dDwWsS").find(c) != std::string_view::npos) return {rest(), std::nullopt};
    constexpr std::string_view kControls = "tnvfr";  // 9 to 13
    const auto control = kControls.find(c);
    return {rest(), control == std::string_view::npos ? c : static_cast<int>(9 + control)};
  }

  void step() {
    if (text_[at_] == '.') {
      ++at_;
      out_ += "[^<\\r\\n]";
      return;
    }
    if (text_[at_] == '[') return character_class();
    const Item item = take();
    if (item.code == '<') wrong("a \"<\" cannot stand between tags");
    if (!item.code && (item.text == "\\S" || item.text == "\\W" || item.text == "\\D"))
      out_.append("[^<\\").append(1, static_cast<char>(item.text[1] + 'a' - 'A')).append("]");
    else
      out_ += item.text;
  }

  void character_class() {
    const bool negated = text_.substr(at_).starts_with("[^");
    at_ += negated ? 2 : 1;
    out_ += negated ? "[^<" : "[";
    const std::size_t begin = out_.size();
    while (text_[at_] != ']') negated ? static_cast<void>(out_ += take().text) : member();
    ++at_;
    if (!negated && out_.size() == begin) wrong("a \"<\" cannot stand between tags");
    out_ += ']';
  }

  // A character, class or range of a class, without '<'.
  void member() {
    const Item first = take();
    if (!first.code && (first.text == "\\S" || first.text == "\\W" || first.text == "\\D"))
      wrong(fmt::format("\"{}\" within brackets cannot be held to between tags", first.text));
    const bool range = text_[at_] == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']' && first.code;
    if (!range) {
      if (first.code != '<') out_ += first.text;
      return;
    }
    ++at_;
    const Item last = take();
    if (!last.code || *first.code > '<' || *last.code < '<') {
      out_.append(first.text).append("-").append(last.text);
      return;
    }
    if (*first.code < '<') out_.append(first.text).append("-;");
    if (*last.code > '<') out_.append("=-").append(last.text);
  }

  std::string_view text_, who_;
  std::string out_;
  std::size_t at_ = 0;
};

}  // namespace

std::string regex_between_tags(std::string_view plain, std::string_view who) {
  return TagWriter(plain, who).write();
}

}  // namespace dsa
