// Answers that call tools, in the words of a family of models, with arguments of the tools' schemas.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_format.h"
#include "grammar/structure.h"

namespace dsa {

/// A tool, and how its arguments are written: a format of xgrammar's structural tags, as JSON.
struct CallableTool {
  std::string name;
  std::string arguments;
};

/// Held to the schema of the tool's parameters.  `who` begins the errors: "tools[0].function.parameters".
/// Throws StructureError if they cannot be held to it exactly, or are no object.
CallableTool callable_tool(const CallSyntax& syntax, const ChatTool& tool, std::string_view who);
/// With any arguments.
CallableTool callable_with_any(const CallSyntax& syntax, const ChatTool& tool);

struct CallRules {
  bool required = false;  // a call, and no text; else text may stand around calls, or there is none
  bool several = true;    // calls, if the family writes several
  /// The model may reason first, by itself.
  std::optional<ReasoningMarks> reasoning = std::nullopt;
  /// An answer that calls nothing is held to it; then no text stands beside calls.
  std::optional<Structure> text = std::nullopt;
};

/// `tools`: those that may be called; not empty.  What it admits, the family's parser reads.  Throws
/// StructureError if rules.text cannot be held to.
Structure structure_of_calls(const CallSyntax& syntax, std::span<const CallableTool> tools,
                             const CallRules& rules);

}  // namespace dsa
