#include "grammar/schema_subset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/ordered_json.h"
#include "grammar/regex_subset.h"
#include "grammar/structure.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;
using Names = std::span<const std::string_view>;

// Said about values, not asked of them.
// `$def` is how DeepSeek's own documents spell `$defs`.
constexpr std::array<std::string_view, 15> kAnnotations{
    "$schema",     "$id",      "$comment",    "$defs",   "$def",
    "definitions", "title",    "description", "default", "examples",
    "deprecated",  "readOnly", "writeOnly",   "example", "discriminator"};
constexpr std::array<std::string_view, 6> kAlone{"$ref", "const", "enum", "anyOf", "oneOf", "allOf"};
constexpr std::array<std::string_view, 7> kTypes{"null",   "boolean", "integer", "number",
                                                 "string", "array",   "object"};
constexpr std::array<std::string_view, 10> kFormats{"email", "date", "time",     "date-time", "duration",
                                                    "ipv4",  "ipv6", "hostname", "uuid",      "uri"};
// Of a string that is written without escapes.  xgrammar's own for strings of some length admits control
// characters, which no JSON does.  With DEL in it, it is repeated and not written out.
constexpr std::string_view kCharacter = "[^\"\\\\\\x00-\\x1f\x7f]";
constexpr double kExact = 9007199254740992.0;  // whole numbers beyond it are no doubles
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t kMostMultiple = 1024;
constexpr int kMostMultiples = 10'000;

// A keyword that asks something of values of one type.
struct Keyword {
  std::string_view name;
  std::string_view type;
};
constexpr std::array<Keyword, 17> kKeywords{{{"properties", "object"},
                                             {"required", "object"},
                                             {"additionalProperties", "object"},
                                             {"items", "array"},
                                             {"prefixItems", "array"},
                                             {"minItems", "array"},
                                             {"maxItems", "array"},
                                             {"uniqueItems", "array"},
                                             {"minLength", "string"},
                                             {"maxLength", "string"},
                                             {"pattern", "string"},
                                             {"format", "string"},
                                             {"minimum", "number"},
                                             {"maximum", "number"},
                                             {"exclusiveMinimum", "number"},
                                             {"exclusiveMaximum", "number"},
                                             {"multipleOf", "number"}}};

bool holds(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

std::string list(Names names) { return fmt::format("{}", fmt::join(names, ", ")); }

bool fits(const Json& value, std::string_view type) {
  if (type == "integer")
    return value.is_number_integer() ||
           (value.is_number_float() && value.get<double>() == std::trunc(value.get<double>()));
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  return type == "array" ? value.is_array() : value.is_object();
}

// Walks a schema and what it refers to, each place once.
class Checker {
 public:
  Checker(Json& root, Lengths lengths) : root_(root), lengths_(lengths) {}

  // Where a `oneOf` of several stands.
  [[nodiscard]] const std::vector<std::string>& one_ofs() const { return one_ofs_; }

  void run() {
    schema(root_, "#");
    while (!refs_.empty()) {
      const std::string ref = std::move(refs_.back());
      refs_.pop_back();
      if (seen_.insert(ref).second) schema(target(ref), ref);
    }
  }

 private:
  template <class... Args>
  [[noreturn]] static void wrong(const std::string& path, std::string_view keyword,
                                 fmt::format_string<Args...> format, Args&&... args) {
    throw StructureError(fmt::format("the schema's \"{}\" at {}: {}", printable(keyword, 60),
                                     printable(path, 200), fmt::format(format, std::forward<Args>(args)...)));
  }

  static std::string below(const std::string& path, std::string_view name) {
    std::string out = path + "/";
    for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return out;
  }

  // A schema that any value, or none, fits says so as `true` or `false`.
  void schema(Json& s, const std::string& path) {
    if (s.is_boolean()) {
      if (!s.get<bool>()) throw StructureError(fmt::format("the schema at {} is false: no value fits", path));
      s = Json::object();
      return;
    }
    if (!s.is_object())
      throw StructureError(fmt::format("the schema at {} is no object", printable(path, 200)));
    for (const auto& [name, value] : s.items()) known(name, path);
    const auto alone = std::ranges::find_if(kAlone, [&](std::string_view name) { return s.contains(name); });
    if (alone != kAlone.end()) return one_of_kind(s, *alone, path);
    const auto types = types_of(s, path);
    for (const Keyword& keyword : kKeywords)
      if (s.contains(keyword.name)) applies(s, keyword, types, path);
    if (types.contains("object")) object(s, path);
    if (types.contains("array")) array(s, path);
    if (types.contains("string")) string(s, path);
    if (types.contains("integer") || types.contains("number")) number(s, types, path);
  }

  void known(std::string_view name, const std::string& path) const {
    const bool asks = holds(kAlone, name) || name == "type" ||
                      std::ranges::find(kKeywords, name, &Keyword::name) != kKeywords.end();
    if (asks || name.starts_with("x-")) return;
    if (name == "$id" && path != "#") wrong(path, name, "taken at the root alone");
    if (!holds(kAnnotations, name)) wrong(path, name, "cannot be held to; docs/serving.md lists what can be");
  }

  // $ref, enum and the like: what stands beside them would go unheard.
  void one_of_kind(Json& s, std::string_view keyword, const std::string& path) {
    const bool values = keyword == "const" || keyword == "enum";
    for (const auto& [name, value] : s.items()) {
      const bool said = holds(kAnnotations, name) || name == keyword || name.starts_with("x-");
      if (!said && !(values && name == "type"))
        wrong(path, name, "cannot be held to beside \"{}\": say it in the schemas that this names", keyword);
    }
    Json& value = s[keyword];
    const std::string here = below(path, keyword);
    if (keyword == "$ref") return ref(value, path);
    if (keyword == "const") return fits_types(s, value, path, keyword);
    if (!value.is_array() || value.empty()) wrong(path, keyword, "expected a list that is not empty");
    if (keyword == "enum") {
      for (const Json& one : value) fits_types(s, one, path, keyword);
      return;
    }
    if (keyword == "allOf" && value.size() > 1) wrong(path, keyword, "taken with one schema alone");
    for (std::size_t i = 0; i < value.size(); ++i) schema(value[i], below(here, std::to_string(i)));
    if (keyword != "oneOf") return;
    if (value.size() > 1) {
      one_ofs_.push_back(path);
    } else {  // nothing else could fit too; the compiler does not see that
      s["anyOf"] = std::move(value);
      s.erase("oneOf");
    }
  }

  void fits_types(const Json& s, const Json& value, const std::string& path, std::string_view keyword) const {
    if (!s.contains("type")) return;
    const auto types = types_of(s, path);
    if (!std::ranges::any_of(types, [&](const std::string& type) { return fits(value, type); }))
      wrong(path, keyword, "a value is not of the schema's `type`");
  }

  void ref(const Json& value, const std::string& path) {
    if (!value.is_string()) wrong(path, "$ref", "expected a string");
    const auto& ref = value.get_ref<const std::string&>();
    if (!(ref == "#" || ref.starts_with("#/")) || ref.find('%') != std::string::npos)
      wrong(path, "$ref", "\"{}\": expected a place in this schema, as in #/$defs/name", printable(ref, 80));
    target(ref);
    refs_.push_back(ref);
  }
  Json& target(const std::string& ref) {
    try {
      return root_.at(Json::json_pointer(ref.substr(1)));
    } catch (const nlohmann::json::exception&) {
      throw StructureError(fmt::format("the schema's \"$ref\" {}: there is nothing", printable(ref, 80)));
    }
  }

  // Without a type: of an object or an array if it speaks of what is in one.
  std::set<std::string, std::less<>> types_of(Json& s, const std::string& path) const {
    if (!s.contains("type")) {
      std::set<std::string, std::less<>> spoken_of;
      for (const Keyword& keyword : kKeywords)
        if (s.contains(keyword.name)) spoken_of.emplace(keyword.type);
      if (spoken_of.empty()) return {};
      const std::string_view first = *spoken_of.begin();
      const bool inferred = spoken_of.size() == 1 && (first == "object" || first == "array");
      if (!inferred) wrong(path, "type", "expected, beside keywords of {}", fmt::join(spoken_of, " and "));
      s["type"] = first;
    }
    return types_of(std::as_const(s), path);
  }
  static std::set<std::string, std::less<>> types_of(const Json& s, const std::string& path) {
    const Json& type = s["type"];
    const Json all = type.is_array() ? type : Json::array({type});
    std::set<std::string, std::less<>> types;
    for (const Json& one : all) {
      if (!one.is_string() || !holds(kTypes, one.get_ref<const std::string&>()))
        wrong(path, "type", "expected of {}", list(kTypes));
      types.insert(one.get<std::string>());
    }
    if (types.empty()) wrong(path, "type", "the list is empty");
    return types;
  }

  // A keyword of a type that the schema does not have asks nothing: mostly a mistake.
  static void applies(const Json& s, const Keyword& keyword, const std::set<std::string, std::less<>>& types,
                      const std::string& path) {
    const bool number = keyword.type == "number" && types.contains("integer");
    if (!types.contains(keyword.type) && !number)
      wrong(path, keyword.name, "asks nothing of what is {}", fmt::join(types, " or "));
    if (keyword.name == "uniqueItems" && s["uniqueItems"] != false)
      wrong(path, keyword.name, "cannot be held to");
  }

  static std::optional<std::int64_t> whole(const Json& s, std::string_view keyword, const std::string& path) {
    if (!s.contains(keyword)) return std::nullopt;
    const Json& value = s[keyword];
    const bool fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= kMostRepetitions;
    if (!fits) wrong(path, keyword, "expected a whole number from 0 to {}", kMostRepetitions);
    return value.get<std::int64_t>();
  }
  static void in_order(const Json& s, std::string_view least, std::string_view most,
                       const std::string& path) {
    const auto low = whole(s, least, path), high = whole(s, most, path);
    if (low && high && *low > *high) wrong(path, least, "{} is more than {} {}", *low, most, *high);
  }

  void object(Json& s, const std::string& path) {
    const bool lists = s.contains("properties");
    if (lists && !s["properties"].is_object()) wrong(path, "properties", "expected an object");
    if (lists)
      for (auto& [name, value] : s["properties"].items())
        schema(value, below(below(path, "properties"), name));
    const bool any = lists && !s["properties"].empty();
    if (s.contains("required")) {
      const Json& required = s["required"];
      if (!required.is_array()) wrong(path, "required", "expected a list of names");
      for (const Json& name : required) {
        if (!name.is_string()) wrong(path, "required", "expected a list of names");
        if (!lists || !s["properties"].contains(name.get_ref<const std::string&>()))
          wrong(path, "required", "names \"{}\", which `properties` does not list",
                printable(name.get_ref<const std::string&>(), 60));
      }
    }
    if (!s.contains("additionalProperties")) {
      s["additionalProperties"] = !any;
      return;
    }
    Json& more = s["additionalProperties"];
    if (more == false) return;
    // A name might come twice, or be spelled with escapes: it would be held to the wrong schema.
    if (any && more.is_boolean())
      more = false;
    else if (any && more.is_object())
      wrong(path, "additionalProperties", "a schema of other properties is taken only without `properties`");
    else
      schema(more, below(path, "additionalProperties"));
  }

  void array(Json& s, const std::string& path) {
    in_order(s, "minItems", "maxItems", path);
    std::int64_t first = 0;
    if (s.contains("prefixItems")) {
      Json& items = s["prefixItems"];
      if (!items.is_array() || items.empty()) wrong(path, "prefixItems", "expected a list that is not empty");
      first = std::ssize(items);
      for (std::size_t i = 0; i < items.size(); ++i)
        schema(items[i], below(below(path, "prefixItems"), std::to_string(i)));
    }
    const auto least = whole(s, "minItems", path);
    // Fewer than all of the first ones would be admitted too, but is not compiled.
    if (const auto most = whole(s, "maxItems", path); most && *most < first)
      wrong(path, "maxItems", "{} is less than the {} of `prefixItems`", *most, first);
    if (!s.contains("items")) s["items"] = Json::object();
    Json& items = s["items"];
    if (items == false) {
      if (least && *least > first) wrong(path, "minItems", "{}, where `items` admits {}", *least, first);
      return;
    }
    schema(items, below(path, "items"));
  }

  void string(Json& s, const std::string& path) const {
    in_order(s, "minLength", "maxLength", path);
    const bool long_or_short = s.contains("minLength") || s.contains("maxLength");
    for (const std::string_view keyword : {"pattern", "format"}) {
      if (!s.contains(keyword)) continue;
      if (!s[keyword].is_string()) wrong(path, keyword, "expected a string");
      if (long_or_short) wrong(path, keyword, "cannot be held to beside `minLength` or `maxLength`");
    }
    if (long_or_short && lengths_ == Lengths::as_patterns) {
      s["pattern"] = fmt::format("^{}{{{},{}}}$", kCharacter, whole(s, "minLength", path).value_or(0),
                                 s.contains("maxLength") ? json_text(s["maxLength"]) : "");
      s.erase("minLength");
      s.erase("maxLength");
    }
    if (s.contains("pattern"))
      s["pattern"] = plain_regex(s["pattern"].get_ref<const std::string&>(),
                                 fmt::format("the schema's \"pattern\" at {}", printable(path, 200)));
    if (s.contains("format")) {
      if (s.contains("pattern")) wrong(path, "format", "cannot be held to beside `pattern`");
      if (!holds(kFormats, s["format"].get_ref<const std::string&>()))
        wrong(path, "format", "expected of {}", list(kFormats));
    }
  }

  static std::optional<double> bound(const Json& s, std::string_view keyword, bool whole,
                                     const std::string& path) {
    if (!s.contains(keyword)) return std::nullopt;
    if (!s[keyword].is_number()) wrong(path, keyword, "expected a number");
    const auto value = s[keyword].get<double>();
    if (!(std::abs(value) <= kExact)) wrong(path, keyword, "expected a number of at most 2^53");
    if (whole && value != std::trunc(value)) wrong(path, keyword, "expected a whole number");
    return value;
  }

  static void number(const Json& s, const std::set<std::string, std::less<>>& types,
                     const std::string& path) {
    const bool whole = !types.contains("number"), bounds_are_whole = types.contains("integer");
    const auto least = bound(s, "minimum", bounds_are_whole, path);
    const auto above = bound(s, "exclusiveMinimum", bounds_are_whole, path);
    const auto most = bound(s, "maximum", bounds_are_whole, path);
    const auto below = bound(s, "exclusiveMaximum", bounds_are_whole, path);
    // Of whole numbers the first and the last that fit.
    const double step = whole ? 1 : 0;
    const double low = std::max(least.value_or(-kInfinity), above.value_or(-kInfinity) + step);
    const double high = std::min(most.value_or(kInfinity), below.value_or(kInfinity) - step);
    const bool open = !whole && (above == low || below == high);
    if (low > high || (low == high && open))
      wrong(path, least || !above ? "minimum" : "exclusiveMinimum",
            "no number is between this and what the schema has as its greatest");
    if (!s.contains("multipleOf")) return;
    const Json& of = s["multipleOf"];
    const std::uint64_t divisor = of.is_number_unsigned() ? of.get<std::uint64_t>() : 0;
    if (!whole || divisor == 0 || divisor > kMostMultiple)
      wrong(path, "multipleOf", "taken of integers alone, from 1 to {}", kMostMultiple);
    const bool from = std::isfinite(low), to = std::isfinite(high);
    if (from != to || (from && high - low > kMostMultiples))
      wrong(path, "multipleOf", "taken between two bounds at most {} apart, or without any", kMostMultiples);
  }

  Json& root_;
  Lengths lengths_;
  std::vector<std::string> refs_, one_ofs_;
  std::set<std::string> seen_;
};

Json parsed(std::string_view text) {
  try {
    return parse_ordered_json(text, "the schema",
                              {.max_bytes = kMostStructureBytes, .max_depth = kDeepestStructure});
  } catch (const StructureError&) {
    throw;
  } catch (const Error& error) {
    throw StructureError(error.what());
  }
}

}  // namespace

std::string plain_schema(std::string_view text, Lengths lengths) {
  Json root = parsed(text);
  Checker(root, lengths).run();
  return json_text(root);
}

std::vector<std::string> places_of_one_of(std::string_view text) {
  Json root = parsed(text);
  Checker checker(root, Lengths::as_they_are);
  checker.run();
  return checker.one_ofs();
}

}  // namespace dsa
