#include "base/json.h"

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/lfs_pointer.h"
#include "base/ordered_json.h"

namespace dsa {
namespace {

using nlohmann::json;

// Watches the parse for depth, size and duplicate keys, and lets nlohmann's own DOM builder do the building.
template <class Json>
class Guard final : public nlohmann::json_sax<Json> {
 public:
  using typename nlohmann::json_sax<Json>::number_integer_t;
  using typename nlohmann::json_sax<Json>::number_unsigned_t;
  using typename nlohmann::json_sax<Json>::number_float_t;
  using typename nlohmann::json_sax<Json>::string_t;
  using typename nlohmann::json_sax<Json>::binary_t;

  Guard(Json& result, std::string_view who, const JsonLimits& limits)
      : builder_(result, /*allow_exceptions=*/false), who_(who), limits_(limits) {}

  bool null() override { return count() && builder_.null(); }
  bool boolean(bool v) override { return count() && builder_.boolean(v); }
  bool number_integer(number_integer_t v) override { return count() && builder_.number_integer(v); }
  bool number_unsigned(number_unsigned_t v) override { return count() && builder_.number_unsigned(v); }
  bool number_float(number_float_t v, const string_t& s) override {
    return count() && builder_.number_float(v, s);
  }
  bool string(string_t& v) override { return count() && builder_.string(v); }
  bool binary(binary_t& v) override { return count() && builder_.binary(v); }
  bool start_object(std::size_t n) override {
    deeper();
    keys_.emplace_back();
    return builder_.start_object(n);
  }
  bool key(string_t& v) override {
    if (!keys_[depth_objects() - 1].insert(v).second)
      fail("{}: JSON key \"{}\" appears twice", who_, printable(v));
    return count() && builder_.key(v);
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return builder_.end_object();
  }
  bool start_array(std::size_t n) override {
    deeper();
    return builder_.start_array(n);
  }
  bool end_array() override {
    --depth_;
    return builder_.end_array();
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception& e) override {
    std::string_view why =
        e.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    if (const auto bracket = why.find("] "); bracket != std::string_view::npos)
      why.remove_prefix(bracket + 2);
    fail("{}: not valid JSON at byte {}: {}", who_, position, printable(why, 200));
  }

 private:
  std::size_t depth_objects() const { return keys_.size(); }
  void deeper() {
    count();
    if (++depth_ > limits_.max_depth)
      fail("{}: JSON is nested deeper than {} levels", who_, limits_.max_depth);
  }
  bool count() {
    if (++values_ > limits_.max_values) fail("{}: JSON holds more than {} values", who_, limits_.max_values);
    return true;
  }

  nlohmann::detail::json_sax_dom_parser<Json> builder_;
  std::string who_;
  const JsonLimits& limits_;
  // Of the open objects.  Ordered: no choice of keys makes a lookup slow, as it would with a hash.
  std::vector<std::set<std::string>> keys_;
  std::size_t values_ = 0;
  int depth_ = 0;
};

template <class Json>
Json parse(std::string_view text, std::string_view who, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes)
    fail("{}: JSON of {} bytes, at most {} are accepted", who, text.size(), limits.max_bytes);
  refuse_lfs_pointer(text, who);
  if (text.substr(0, 3) == "\xEF\xBB\xBF") fail("{}: not valid JSON: starts with a byte order mark", who);
  // nlohmann-json takes a NUL for the end of the text: what follows it would go unseen.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    fail("{}: not valid JSON: a NUL at byte {}", who, nul);
  Json result;
  Guard<Json> guard(result, who, limits);
  if (!Json::sax_parse(text.begin(), text.end(), &guard)) fail("{}: not valid JSON", who);
  return result;
}

}  // namespace

json parse_json(std::string_view text, std::string_view who, const JsonLimits& limits) {
  return parse<json>(text, who, limits);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, std::string_view who,
                                          const JsonLimits& limits) {
  return parse<nlohmann::ordered_json>(text, who, limits);
}

std::string json_text(const json& value, int indent) {
  return value.dump(indent, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

std::string json_text(const nlohmann::ordered_json& value, int indent) {
  return value.dump(indent, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

}  // namespace dsa
