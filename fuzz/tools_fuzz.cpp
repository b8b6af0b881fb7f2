// An answer through each family's reader of calls, whole and in pieces: both read the same, nothing of it is
// lost that is no call, and arguments that are said to be complete are an object.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "chat/call_reader.h"
#include "chat/chat_format.h"
#include "tokenizer/utf8.h"

namespace {

std::vector<dsa::ChatTool> tools() {
  return {{"look", R"({"type":"function","function":{"name":"look","parameters":{"type":"object","properties":
            {"s":{"type":"string"},"n":{"type":"integer"},"l":{"type":"array"}}}}})"},
          {"now", R"({"type":"function","function":{"name":"now"}})"}};
}

std::string read(const dsa::ChatFormat& format, std::string_view text, std::size_t piece) {
  const auto parser = format.tool_parser(tools());
  std::vector<dsa::ToolPiece> pieces;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(at + piece, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    parser->push(text.substr(at, end - at), pieces);
    at = end;
  }
  parser->finish(pieces);
  std::string out, arguments;
  bool calling = false;
  for (const dsa::ToolPiece& one : pieces) {
    using Kind = dsa::ToolPiece::Kind;
    DSA_CHECK(calling == (one.kind == Kind::arguments || one.kind == Kind::end));
    if (one.kind == Kind::begin) {
      DSA_CHECK(one.text == "look" || one.text == "now");
      out.append("\x01").append(one.text).append("\x02");
      arguments.clear();
      calling = true;
    } else if (one.kind == Kind::end) {
      DSA_CHECK(one.complete == dsa::is_json_object(arguments));
      out += one.complete ? "\x03" : "\x04";
      calling = false;
    } else {
      (one.kind == Kind::text ? out : arguments) += one.text;
      if (one.kind == Kind::arguments) out += one.text;
    }
  }
  DSA_CHECK(!calling);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string storage;
  const std::string_view text = dsa::repaired_utf8({reinterpret_cast<const char*>(data), size}, storage);
  for (const char* name : {"qwen3", "llama-3", "deepseek-v3.1", "deepseek-v3.2", "glm-4.6"}) {
    const dsa::ChatFormat format = dsa::ChatFormat::named(name);
    const std::string whole = read(format, text, text.size() + 1);
    for (const std::size_t piece : {1, 3, 16}) DSA_CHECK(read(format, text, piece) == whole);
  }
  return 0;
}
