#include <algorithm>
#include <array>
#include <utility>

#include "base/json_layout.h"
#include "base/ordered_json.h"
#include "grammar/call_grammar.h"
#include "grammar/regex_between_tags.h"
#include "grammar/schema_subset.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMostBlanksInCalls = 40;  // as in answers that are JSON
constexpr std::array<std::string_view, 4> kTextKeywords{"pattern", "format", "minLength", "maxLength"};
constexpr const char* kAnyKey = "[A-Za-z_][A-Za-z0-9_.-]*";

// Formats of texts that stand between tags, by their shape.
struct TextFormat {
  std::string_view name;
  std::string_view regex;
};
constexpr std::array<TextFormat, 8> kTextFormats{
    {{"date", R"([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))"},
     {"time",
      R"(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))"},
     {"date-time",
      R"([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])"
      R"((\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))"},
     {"uuid", R"([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})"},
     {"ipv4",
      R"((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3})"},
     {"hostname",
      R"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*)"},
     {"email", R"([a-zA-Z0-9_%+-]+(\.[a-zA-Z0-9_%+-]+)*@[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)"
               R"((\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*)"},
     {"uri",
      R"([a-zA-Z][a-zA-Z0-9+.-]*://[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9-]+)*(:[0-9]{1,5})?)"
      R"((/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*(\?[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?)"}}};

Json literal(std::string_view text) { return {{"type", "const_string"}, {"value", text}}; }
Json json_of(const Json& schema) {
  return {{"type", "json_schema"},
          {"json_schema", parse_ordered_json(plain_schema(json_text(schema)), "a schema")},
          {"max_whitespace_cnt", kMostBlanksInCalls}};
}
Json regex_of(std::string_view pattern) { return {{"type", "regex"}, {"pattern", pattern}}; }
Json one_of(Json formats) {
  if (formats.size() == 1) return formats.front();
  return {{"type", "or"}, {"elements", std::move(formats)}};
}

bool is_string_schema(const Json& schema) {
  if (schema.contains("type")) return schema["type"] == "string";
  if (schema.contains("const")) return schema["const"].is_string();
  return schema.contains("enum") &&
         std::ranges::all_of(schema["enum"], [](const Json& one) { return one.is_string(); });
}

constexpr std::array<std::string_view, 3> kDefinitions{"$defs", "$def", "definitions"};

// The first place that something in it refers to, and that is no definition; "": there is none.
std::string refers_to_no_definition(const Json& schema) {
  if (!schema.is_structured()) return "";
  if (schema.is_object() && schema.contains("$ref") && schema["$ref"].is_string()) {
    const auto& ref = schema["$ref"].get_ref<const std::string&>();
    const auto within = [&](std::string_view name) { return ref.starts_with(fmt::format("#/{}/", name)); };
    if (!std::ranges::any_of(kDefinitions, within)) return ref;
  }
  for (const Json& one : schema)
    if (auto found = refers_to_no_definition(one); !found.empty()) return found;
  return "";
}

// Arguments that stand one by one between tags.
class TaggedArguments {
 public:
  TaggedArguments(const CallSyntax::Parameters& syntax, const ChatTool& tool, const Json& root,
                  std::string_view who)
      : syntax_(syntax), tool_(tool), root_(root), who_(who) {}

  Json write() const {
    const auto properties = root_.find("properties");
    if (properties == root_.end() || properties->empty()) return free_ones();
    Json all = Json::array();
    for (const auto& [key, schema] : properties->items()) {
      Json one = argument(key, schema);
      const auto required = root_.find("required");
      const bool needed =
          required != root_.end() && std::ranges::find(*required, Json(key)) != required->end();
      all.push_back(needed ? std::move(one) : Json{{"type", "optional"}, {"content", std::move(one)}});
    }
    return {{"type", "sequence"}, {"elements", std::move(all)}};
  }

  // Any number of arguments of any names.
  static Json any(const CallSyntax::Parameters& syntax, Json values) {
    Json one{{"type", "sequence"},
             {"elements",
              Json::array({literal(syntax.before_key), regex_of(kAnyKey), one_of(std::move(values))})}};
    return {{"type", "star"}, {"content", std::move(one)}};
  }
  static Json any(const CallSyntax::Parameters& syntax) {
    Json values = Json::array();
    values.push_back(value(syntax, /*text=*/true, any_text(syntax)));
    if (syntax.says_which) values.push_back(value(syntax, /*text=*/false, json_of(Json::object())));
    return any(syntax, std::move(values));
  }

 private:
  template <class... Args>
  [[noreturn]] void wrong(std::string_view key, fmt::format_string<Args...> format, Args&&... args) const {
    throw StructureError(fmt::format("{}: the schema at #/properties/{}: {}", who_, printable(key, 100),
                                     fmt::format(format, std::forward<Args>(args)...)));
  }

  static Json any_text(const CallSyntax::Parameters& syntax) {
    return {{"type", "any_text"}, {"excludes", Json::array({syntax.end})}};
  }
  static Json value(const CallSyntax::Parameters& syntax, bool text, Json content) {
    return {{"type", "tag"},
            {"begin", text ? syntax.before_text : syntax.before_json},
            {"content", std::move(content)},
            {"end", syntax.end + syntax.after}};
  }

  Json free_ones() const {
    const auto more = root_.find("additionalProperties");
    const bool none = more == root_.end() || *more == false;
    if (none) return literal("");
    Json values = Json::array();
    add_json("", *more == true ? Json::object() : *more, values);
    return any(syntax_, std::move(values));
  }

  Json argument(const std::string& key, const Json& schema) const {
    constexpr std::size_t kLongestKey = 200;
    if (key.empty() || key.size() > kLongestKey || key.find_first_of("<>\"&\r\n\\") != std::string::npos)
      wrong(key, "a name that cannot stand in a tag");
    Json values = Json::array();
    add_values(key, schema, values);
    return {{"type", "sequence"},
            {"elements", Json::array({literal(syntax_.before_key + key), one_of(std::move(values))})}};
  }

  // What the parser takes for a text is written as it is, all else as JSON.
  void add_values(const std::string& key, const Json& schema, Json& values) const {
    const auto add_text = [&](const Json& text) {
      values.push_back(value(syntax_, /*text=*/true, text_of(key, text)));
    };
    if (!syntax_.says_which)
      return is_text_argument(tool_, key) ? add_text(schema) : add_json(key, schema, values);
    if (is_string_schema(schema)) return add_text(schema);
    if (schema.contains("anyOf")) {
      for (const Json& one : schema["anyOf"]) add_values(key, one, values);
      return;
    }
    if (schema.contains("type") && schema["type"].is_array()) return add_each_type(key, schema, values);
    add_json(key, schema, values);
  }

  void add_each_type(const std::string& key, const Json& schema, Json& values) const {
    Json text{{"type", "string"}}, rest = schema;
    for (const std::string_view keyword : kTextKeywords)
      if (rest.contains(keyword)) {
        text[std::string(keyword)] = rest[std::string(keyword)];
        rest.erase(std::string(keyword));
      }
    Json& types = rest["type"];
    const auto string = std::ranges::find(types, Json("string"));
    const bool has_text = string != types.end();
    if (has_text) types.erase(string);
    if (has_text) values.push_back(value(syntax_, /*text=*/true, text_of(key, text)));
    if (!types.empty()) add_json(key, rest, values);
  }

  void add_json(const std::string& key, const Json& schema, Json& values) const {
    if (const auto ref = refers_to_no_definition(root_); !ref.empty())
      wrong(key, "\"$ref\" {} cannot be held to: give it a name in `$defs`", printable(ref, 80));
    Json whole = schema;
    for (const std::string_view name : kDefinitions)
      if (const auto found = root_.find(name); found != root_.end()) whole[std::string(name)] = *found;
    values.push_back(value(syntax_, /*text=*/false, json_of(whole)));
  }

  Json text_of(const std::string& key, const Json& schema) const {
    const auto as_it_is = [&](const Json& value) {
      const auto& text = value.get_ref<const std::string&>();
      if (text.find(syntax_.end) != std::string::npos) wrong(key, "a value holds \"{}\"", syntax_.end);
      return literal(text);
    };
    if (schema.contains("const")) return as_it_is(schema["const"]);
    if (schema.contains("enum")) {
      Json all = Json::array();
      for (const Json& one : schema["enum"])
        if (one.is_string()) all.push_back(as_it_is(one));
      return one_of(std::move(all));
    }
    if (schema.contains("pattern"))
      return regex_of(regex_between_tags(
          schema["pattern"].get<std::string>(),
          fmt::format("{}: the schema's \"pattern\" at #/properties/{}", who_, printable(key, 100))));
    if (schema.contains("format")) {
      const auto* format =
          std::ranges::find(kTextFormats, schema["format"].get<std::string>(), &TextFormat::name);
      if (format == kTextFormats.end())
        wrong(key, "\"format\" {} cannot be held to between tags", json_text(schema["format"]));
      return regex_of(format->regex);
    }
    if (!schema.contains("minLength") && !schema.contains("maxLength")) return any_text(syntax_);
    return regex_of(fmt::format("[^<]{{{},{}}}", schema.value("minLength", 0),
                                schema.contains("maxLength") ? json_text(schema["maxLength"]) : ""));
  }

  const CallSyntax::Parameters& syntax_;
  const ChatTool& tool_;
  const Json& root_;
  std::string_view who_;
};

// The parameters' schema, held to exactly.  One that lists none, and does not speak of others, has none.
Json plain_parameters(const ChatTool& tool, std::string_view who) {
  const Json nothing{{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
  const auto text = json_member(json_member(tool.definition, "function"), "parameters");
  if (text.empty() || text == "null") return nothing;
  Json root;
  try {
    root = parse_ordered_json(plain_schema(text, Lengths::as_they_are), who);
  } catch (const StructureError& error) {
    throw StructureError(fmt::format("{}: {}", who, error.what()));
  }
  if (root.empty()) return nothing;
  const bool refers_to_object = root.contains("$ref");
  if (!refers_to_object && (!root.contains("type") || root["type"] != "object"))
    throw StructureError(fmt::format("{}: the schema's \"type\" at #: expected object", who));
  const bool lists = root.contains("properties") && !root["properties"].empty();
  return refers_to_object || lists || !json_member(text, "additionalProperties").empty() ? root : nothing;
}

}  // namespace

CallableTool callable_tool(const CallSyntax& syntax, const ChatTool& tool, std::string_view who) {
  const Json root = plain_parameters(tool, who);
  if (!syntax.parameters) return {tool.name, json_text(json_of(root))};
  if (root.contains("$ref"))
    throw StructureError(
        fmt::format("{}: the schema's \"$ref\" at #: expected an object's own properties", who));
  return {tool.name, json_text(TaggedArguments(*syntax.parameters, tool, root, who).write())};
}

CallableTool callable_with_any(const CallSyntax& syntax, const ChatTool& tool) {
  if (syntax.parameters) return {tool.name, json_text(TaggedArguments::any(*syntax.parameters))};
  return {tool.name, json_text(json_of({{"type", "object"}, {"additionalProperties", true}}))};
}

}  // namespace dsa
