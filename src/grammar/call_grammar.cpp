#include "grammar/call_grammar.h"

#include <utility>

#include "base/ordered_json.h"
#include "grammar/regex_subset.h"
#include "grammar/schema_subset.h"

namespace dsa {
namespace {

using Format = nlohmann::ordered_json;

Format sequence(Format elements) { return {{"type", "sequence"}, {"elements", std::move(elements)}}; }
Format either(Format elements) { return {{"type", "or"}, {"elements", std::move(elements)}}; }
Format maybe(Format content) { return {{"type", "optional"}, {"content", std::move(content)}}; }
Format matching(std::string_view regex) { return {{"type", "regex"}, {"pattern", regex}}; }

Format tag(std::string_view begin, Format content, std::string_view end) {
  return {{"type", "tag"}, {"begin", begin}, {"content", std::move(content)}, {"end", end}};
}

// The calls of an answer, and what stands around them all.
class Calls {
 public:
  Calls(const CallSyntax& syntax, std::span<const CallableTool> tools, bool several)
      : syntax_(syntax), several_(several && syntax.several) {
    for (const CallableTool& tool : tools)
      calls_.push_back(tag(syntax.before_name + tool.name + syntax.after_name,
                           parse_ordered_json(tool.arguments, "arguments"), syntax.after_arguments));
  }

  [[nodiscard]] Format alone() const {
    Format all{{"type", "tags_with_separator"},
               {"tags", calls_},
               {"separator", syntax_.between},
               {"at_least_one", true},
               {"stop_after_first", !several_}};
    return syntax_.begin.empty() ? all : tag(syntax_.begin, std::move(all), syntax_.end);
  }

  // Between texts that hold no call.
  [[nodiscard]] Format in_text() const {
    return {{"type", "triggered_tags"},
            {"triggers", Format::array({syntax_.trigger})},
            {"tags", syntax_.begin.empty() ? calls_ : Format::array({alone()})},
            {"stop_after_first", !several_}};
  }

 private:
  const CallSyntax& syntax_;
  bool several_;
  Format calls_ = Format::array();
};

// A text that its first character tells from a call, which is an object.
Format no_object(const CallSyntax& syntax) {
  const Format rest{{"type", "any_text"}, {"excludes", Format::array({syntax.trigger.substr(1)})}};
  return either({sequence({matching("[ \\t\\r\\n]*[^{ \\t\\r\\n]"), rest}), matching("[ \\t\\r\\n]*")});
}

Format text_of(const Structure& structure) {
  constexpr int kBlanks = 40;
  switch (structure.kind) {
    case StructureKind::json_object:
      return {{"type", "json_schema"},
              {"json_schema", {{"type", "object"}, {"additionalProperties", true}}},
              {"max_whitespace_cnt", kBlanks}};
    case StructureKind::json_schema:
      return {{"type", "json_schema"},
              {"json_schema", parse_ordered_json(plain_schema(structure.text), "the schema")},
              {"max_whitespace_cnt", kBlanks}};
    case StructureKind::regex:
      return matching(plain_regex(structure.text, "the regular expression"));
    case StructureKind::ebnf:
    case StructureKind::calls:
      break;
  }
  return {{"type", "grammar"}, {"grammar", structure.text}};
}

}  // namespace

Structure structure_of_calls(const CallSyntax& syntax, std::span<const CallableTool> tools,
                             const CallRules& rules) {
  const Calls calls(syntax, tools, rules.several);
  // White space before a call is no text.
  const Format alone = sequence({matching("\\n{0,2}"), calls.alone()});
  Format answer = alone;
  if (!rules.required && rules.text)
    answer = either({alone, text_of(*rules.text)});
  else if (!rules.required)
    answer = syntax.whole_message ? either({alone, no_object(syntax)}) : calls.in_text();
  Structure out{.kind = StructureKind::calls, .text = {}, .marks = syntax.marks};
  if (rules.reasoning) {
    const auto& [begin, end] = *rules.reasoning;
    const Format any_text{{"type", "any_text"}, {"excludes", Format::array({end})}};
    answer = sequence({maybe(tag(begin, any_text, end)), std::move(answer)});
    out.marks.insert(out.marks.end(), {begin, end});
  }
  out.text = json_text(Format{{"type", "structural_tag"}, {"format", std::move(answer)}});
  return out;
}

}  // namespace dsa
