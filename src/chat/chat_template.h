// A Jinja chat template brought into one normal form, so that it can be compared.  Nothing is executed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsa {

/// Two templates with the same normal form render the same.  The form: tags one after the other as {%...%}
/// and {{...}} with the text that would be printed between them.  Comments are gone; white space control
/// (as transformers sets it: trim_blocks and lstrip_blocks) is applied and its signs are gone;
/// inside tags there is no white space but one blank between words,
/// strings are 'quoted' with \\ \' \n \t escaped, x['name'] is x.name.
class ChatTemplate {
 public:
  /// Any text; one that is no template simply matches nothing.
  explicit ChatTemplate(std::string_view source);

  [[nodiscard]] const std::string& normal() const { return normal_; }

  /// `fragment` in normal form.
  [[nodiscard]] bool has(std::string_view fragment) const {
    return normal_.find(fragment) != std::string::npos;
  }
  [[nodiscard]] bool ends_with(std::string_view fragment) const { return normal_.ends_with(fragment); }

  /// True if the source has this text anywhere.
  [[nodiscard]] bool mentions(std::string_view text) const { return source_.find(text) != std::string::npos; }

  /// The text outside of tags, joined.
  [[nodiscard]] const std::string& bare_text() const { return bare_text_; }

  /// What stands between two fragments (normal form), each of which occurs; the first such place.
  [[nodiscard]] std::optional<std::string> between(std::string_view before, std::string_view after) const;

  /// The first of `fragments` that is not there.
  [[nodiscard]] std::optional<std::string_view> first_missing(
      const std::vector<std::string_view>& fragments) const;

  /// The value of a string in normal form (without its quotes).
  static std::string unescape(std::string_view text);

 private:
  std::string source_;
  std::string normal_;
  std::string bare_text_;
};

}  // namespace dsa
