#include "grammar/structure.h"

namespace dsa {

std::string_view name(StructureKind kind) {
  switch (kind) {
    case StructureKind::json_object:
      return "JSON object";
    case StructureKind::json_schema:
      return "JSON schema";
    case StructureKind::regex:
      return "regular expression";
    case StructureKind::ebnf:
      return "grammar";
    case StructureKind::calls:
      return "calls of tools";
  }
  return "?";
}

std::string ebnf_of_choices(const std::vector<std::string>& choices) {
  std::string out = "root ::= ";
  for (const std::string& choice : choices) {
    if (&choice != choices.data()) out += " | ";
    out += '"';
    for (const char c : choice) {
      switch (c) {
        case '"':
        case '\\':
          out += '\\';
          out += c;
          break;
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        default:
          out += c;
      }
    }
    out += '"';
  }
  return out + "\n";
}

}  // namespace dsa
