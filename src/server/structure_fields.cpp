#include "server/structure_fields.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/json_layout.h"
#include "grammar/call_grammar.h"
#include "grammar/grammar_compiler.h"
#include "server/answer_writer.h"
#include "server/fields.h"
#include "server/tool_fields.h"

namespace dsa::server {
namespace {

using nlohmann::json;

// A field that holds a structure, and in which form.
struct Source {
  std::string_view object;  // "": the body itself
  std::string_view name;
  std::optional<AskedStructure> (*read)(const Fields& in, std::string_view name, std::string_view text);
};

// Field by field: g++ 12 takes a braced one for uninitialised.
AskedStructure asked_for(StructureKind kind, std::string text, std::string field) {
  AskedStructure out;
  out.structure.kind = kind;
  out.structure.text = std::move(text);
  out.field = std::move(field);
  return out;
}

// As it stands in the body: its keys have an order.  A schema may also be written as a string.
AskedStructure schema_at(const Fields& in, std::string_view name, std::string_view text) {
  const std::string field = in.where(name);
  const json* value = in.find(name);
  if (value == nullptr || !(value->is_object() || value->is_string())) in.wrong(name, "a JSON schema");
  if (value->is_string()) return asked_for(StructureKind::json_schema, value->get<std::string>(), field);
  std::string_view raw = text;
  for (std::size_t begin = 0; begin < field.size();) {
    const std::size_t end = std::min(field.find('.', begin), field.size());
    raw = json_member(raw, std::string_view(field).substr(begin, end - begin));
    begin = end + 1;
  }
  return asked_for(StructureKind::json_schema, raw.empty() ? json_text(*value) : std::string(raw), field);
}

// Empty texts and lists ask for nothing.
std::optional<AskedStructure> schema_of(const Fields& in, std::string_view name, std::string_view text) {
  if (*in.find(name) == "") return std::nullopt;
  return schema_at(in, name, text);
}

std::optional<AskedStructure> text_of(StructureKind kind, const Fields& in, std::string_view name) {
  std::string text = in.string(name).value_or("");
  if (text.empty()) return std::nullopt;
  return asked_for(kind, std::move(text), in.where(name));
}
std::optional<AskedStructure> regex_of(const Fields& in, std::string_view name, std::string_view) {
  return text_of(StructureKind::regex, in, name);
}
std::optional<AskedStructure> ebnf_of(const Fields& in, std::string_view name, std::string_view) {
  return text_of(StructureKind::ebnf, in, name);
}

std::optional<AskedStructure> choice_of(const Fields& in, std::string_view name, std::string_view) {
  const json& list = *in.find(name);
  constexpr std::string_view kExpected = "a list of strings that are not empty";
  if (!list.is_array()) in.wrong(name, kExpected);
  if (list.empty()) return std::nullopt;
  std::vector<std::string> choices;
  for (const json& one : list) {
    if (!one.is_string() || one == "") in.wrong(name, kExpected);
    choices.push_back(one.get<std::string>());
  }
  return asked_for(StructureKind::ebnf, ebnf_of_choices(choices), in.where(name));
}

std::optional<AskedStructure> any_object(const Fields& in, std::string_view name, std::string_view) {
  if (in.boolean(name) == false) return std::nullopt;
  return asked_for(StructureKind::json_object, "", in.where(name));
}

std::optional<AskedStructure> response_format(const Fields& in, std::string_view name,
                                              std::string_view text) {
  const Fields format = *in.object(name);
  const auto type = format.string("type");
  const auto schema = format.object("json_schema");
  if (schema) (void)schema->string("name");
  std::optional<AskedStructure> of_schema;
  if (schema) of_schema = schema_at(*schema, "schema", text);
  if (type == "text") return std::nullopt;
  if (type == "json_object") return asked_for(StructureKind::json_object, "", format.where("type"));
  if (type != "json_schema") format.wrong("type", "text, json_object or json_schema");
  if (!schema) format.wrong("json_schema", "an object with a schema");
  return of_schema;
}

constexpr std::array<Source, 13> kSources{{{"", "response_format", response_format},
                                           {"", "guided_json", schema_of},
                                           {"", "guided_regex", regex_of},
                                           {"", "guided_choice", choice_of},
                                           {"", "guided_grammar", ebnf_of},
                                           {"", "json_schema", schema_of},
                                           {"", "grammar", ebnf_of},
                                           {"structured_outputs", "json", schema_of},
                                           {"structured_outputs", "regex", regex_of},
                                           {"structured_outputs", "choice", choice_of},
                                           {"structured_outputs", "grammar", ebnf_of},
                                           {"structured_outputs", "json_object", any_object},
                                           {"structured_outputs", "structural_tag", nullptr}}};

}  // namespace

std::optional<AskedStructure> read_structure(const Fields& body, std::string_view text) {
  std::optional<AskedStructure> out;
  const auto structured = body.object("structured_outputs");
  for (const Source& source : kSources) {
    if (!source.object.empty() && !structured) continue;
    const Fields& in = source.object.empty() ? body : *structured;
    if (in.find(source.name) == nullptr) continue;
    if (source.read == nullptr)
      throw ApiError(400, "unsupported_parameter", fmt::format("{} cannot be held to", in.where(source.name)),
                     in.where(source.name));
    auto asked = source.read(in, source.name, text);
    if (asked && out)
      throw invalid_value(asked->field, fmt::format("{} asks for a structure and so does {}, expected one",
                                                    asked->field, out->field));
    if (asked) out = std::move(asked);
  }
  return out;
}

// A tool that is strict, or that has to be called, is held to its schema; another one takes any arguments.
void hold_to_calls(const AskedTools& tools, const ServedModel& model, bool may_reason, Plan& plan) {
  if (!tools.held() && (tools.tools.empty() || !plan.structure)) return;
  const ChatFormat& format = *model.prompt.format();
  std::string where;
  try {
    std::vector<CallableTool> callable;
    for (std::size_t i = 0; i < tools.tools.size(); ++i) {
      if (!tools.may_call(i)) continue;
      where = fmt::format("tools[{}].function.parameters", i);
      callable.push_back(tools.required || tools.strict[i]
                             ? callable_tool(format.calls(), tools.tools[i], where)
                             : callable_with_any(format.calls(), tools.tools[i]));
    }
    CallRules rules{.required = tools.required, .several = tools.parallel};
    if (may_reason) rules.reasoning = format.reasoning();
    if (plan.structure) {
      where = plan.structure->field;
      rules.text = plan.structure->structure;
    }
    const std::string field = tools.held() ? tools.choice_field : where;
    plan.structure = asked_for(StructureKind::calls, "", field);
    plan.structure->structure = structure_of_calls(format.calls(), callable, rules);
  } catch (const StructureError& error) {
    const std::string_view what = error.what();
    throw ApiError(400, "unsupported_schema",
                   what.starts_with(where) ? std::string(what) : fmt::format("{}: {}", where, what), where);
  }
}

void compile_structure(const AskedStructure& asked, const ServedModel& model, Plan& plan) {
  if (model.grammars == nullptr)
    throw ApiError(400, "unsupported_parameter",
                   fmt::format("{} cannot be done: this server holds no answer to a structure", asked.field),
                   asked.field);
  try {
    const auto grammar = model.grammars->compile(asked.structure);
    for (Request& request : plan.requests) request.grammar = grammar;
  } catch (const StructureError& error) {
    throw ApiError(400, "unsupported_schema", fmt::format("{}: {}", asked.field, error.what()), asked.field);
  }
}

}  // namespace dsa::server
