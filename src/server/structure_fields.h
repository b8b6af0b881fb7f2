// Fields that ask for an answer of a given structure: OpenAI's, vLLM's and llama.cpp's words for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "grammar/structure.h"

namespace dsa::server {

class Fields;
struct Plan;
struct ServedModel;

/// A structure, and the field that asks for it.
struct AskedStructure {
  Structure structure;
  std::string field;  // "response_format.json_schema.schema"
};

/// `text`: the body as it was sent, for the order of a schema's properties; "": in any order.  Nothing: no
/// structure is asked for.  Throws ApiError.
std::optional<AskedStructure> read_structure(const Fields& body, std::string_view text);

struct AskedTools;
/// What an answer is held to that may call these tools: calls of their schemas where one is required or
/// strict, and beside them the text that `plan.structure` asks for.  Into plan.structure.  Throws ApiError.
void hold_to_calls(const AskedTools& tools, const ServedModel& model, bool may_reason, Plan& plan);

/// Compiles it for all requests of the plan.  Throws ApiError; takes its time: never on a thread that others
/// wait for.
void compile_structure(const AskedStructure& asked, const ServedModel& model, Plan& plan);

}  // namespace dsa::server
