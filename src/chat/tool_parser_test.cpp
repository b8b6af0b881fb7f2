// Calls in answers, however the text was cut, and whatever it is.
#include <gtest/gtest.h>

#include "base/json.h"
#include "chat/chat_families.h"

namespace dsa {
namespace {

const std::vector<ChatTool> kTools{
    {"get_weather", R"({"type":"function","function":{"name":"get_weather","parameters":{"type":"object",
      "properties":{"city":{"type":"string"},"days":{"type":"integer"},"place":{"type":"array"}}}}})"},
    {"now", R"({"type":"function","function":{"name":"now"}})"}};

// What was read, for people: text as it is, a call as [name arguments], one that is not complete as [name
// arguments!].
std::string read(const ChatFormat& format, std::string_view text, std::size_t piece) {
  const auto parser = format.tool_parser(kTools);
  std::vector<ToolPiece> pieces;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    // Whole characters only, as a decoder gives them.
    std::size_t end = std::min(at + piece, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    parser->push(text.substr(at, end - at), pieces);
    at = end - piece;
  }
  parser->finish(pieces);
  std::string out;
  for (const ToolPiece& p : pieces) {
    if (p.kind == ToolPiece::Kind::begin) out += "[" + p.text + " ";
    if (p.kind == ToolPiece::Kind::text || p.kind == ToolPiece::Kind::arguments) out += p.text;
    if (p.kind == ToolPiece::Kind::end) out += p.complete ? "]" : "!]";
  }
  return out;
}

std::string read(const ChatFormat& format, std::string_view text) {
  const std::string whole = read(format, text, text.size() + 1);
  for (const std::size_t piece : {1, 2, 3, 5, 7, 16, 61})
    EXPECT_EQ(read(format, text, piece), whole) << "in pieces of " << piece << ": " << text;
  return whole;
}

TEST(ToolParser, Hermes) {
  const ChatFormat format = qwen3();
  const auto hermes = [&](std::string_view text) { return read(format, text); };
  EXPECT_EQ(hermes("plain < text <tool"), "plain < text <tool");
  EXPECT_EQ(
      hermes("<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Par}is\"}}\n</tool_call>"),
      "[get_weather {\"city\": \"Par}is\"}]");
  EXPECT_EQ(
      hermes("Let me look.\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n"
             "{\"name\": \"get_weather\", \"arguments\": "
             "{\"place\": [[1], {\"a\": \"\\\"}\"}]}}\n</tool_call>\n"),
      "Let me look.[now {}][get_weather {\"place\": [[1], {\"a\": \"\\\"}\"}]}]");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>\n\nDone."),
            "[now {}]\n\nDone.");
  // Written otherwise than usual.
  EXPECT_EQ(hermes("<tool_call>{\"arguments\": {\"a\": 1}, \"name\": \"now\"}</tool_call>"),
            "[now {\"a\": 1}]");
  EXPECT_EQ(hermes("<tool_call>{\"id\": \"7\", \"name\":\"now\",\"parameters\":{\"a\":1}}</tool_call>"),
            "[now {\"a\":1}]");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"now\"}</tool_call>"), "[now {}]");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"now\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>"),
            "[now {\"a\": 1}]");
  EXPECT_EQ(hermes("<tool_call>{\"function\": {\"name\": \"now\", \"arguments\": {}}}</tool_call>"),
            "[now {}]");
  // The end is not there.
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"now\", \"arguments\": {}"), "[now {}]");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"now\", \"arguments\": {}}\n</tool_ca"), "[now {}]");
}

TEST(ToolParser, WhatHermesCannotReadIsText) {
  const ChatFormat format = qwen3();
  for (const char* text :
       {"<tool_call>", "<tool_call>\n{", "<tool_call>{\"name\": \"no", "<tool_call>{\"name\": \"now\"",
        "<tool_call>{\"name\": \"unknown\", \"arguments\": {}}</tool_call>", "<tool_call>now()</tool_call>",
        "<tool_call>{\"name\": 7, \"arguments\": {}}</tool_call> and on",
        "<tool_call>{\"name\": \"now\", \"arguments\": {city: 1}}</tool_call>", "<tool_call>{]</tool_call>",
        "<tool_call>{\"name\": \"now\", \"arguments\": [1]}</tool_call>",
        "<tool_call><tool_call><tool_call>{", "<tool_call>{\"name\": \"\", \"arguments\": {}}</tool_call>",
        " \n ", "{\"name\": \"now\", \"arguments\": {}}"})
    EXPECT_EQ(read(format, text), text);
  EXPECT_EQ(
      read(format, "<tool_call>{\"name\": \"now\", \"arguments\": {\"" + std::string(100, '\\') + "\xC3\xA9"),
      "[now {\"" + std::string(100, '\\') + "\xC3\xA9!]");
}

TEST(ToolParser, ACallThatBreaksOffIsSaidToBeIncomplete) {
  const ChatFormat format = qwen3();
  EXPECT_EQ(read(format, "<tool_call>{\"name\": \"now\", \"arguments\": {\"a\": \"x"), "[now {\"a\": \"x!]");
  EXPECT_EQ(read(format, "<tool_call>{\"name\": \"now\", \"arguments\": {\"a\": 1]} x"),
            "[now {\"a\": 1!]]} x");
  const std::string deep(100, '[');
  EXPECT_EQ(read(format, "<tool_call>{\"name\": \"now\", \"arguments\": {\"a\": " + deep),
            "[now {\"a\": " + std::string(63, '[') + "!]" + std::string(37, '['));
  // What it was is told, for those who would rather have it as text.
  const auto parser = format.tool_parser(kTools);
  std::vector<ToolPiece> pieces;
  parser->push("x <tool_call>{\"name\": \"now\", \"arguments\": {\"a\"", pieces);
  parser->finish(pieces);
  EXPECT_EQ(pieces.back().text, " <tool_call>{\"name\": \"now\", \"arguments\": {\"a\"");
}

TEST(ToolParser, Llama) {
  const ChatFormat format = llama3(/*wants_today=*/false);
  const auto llama = [&](std::string_view text) { return read(format, text); };
  EXPECT_EQ(llama("{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Paris\"}}"),
            "[get_weather {\"city\": \"Paris\"}]");
  EXPECT_EQ(llama("{\"type\": \"function\", \"name\": \"now\", \"parameters\": {}}"), "[now {}]");
  EXPECT_EQ(llama("<|python_tag|>{\"name\": \"now\", \"parameters\": {}}"), "[now {}]");
  EXPECT_EQ(llama("{\"name\": \"now\", \"parameters\": {}}; {\"name\": \"now\", \"parameters\": {\"a\": 1}}"),
            "[now {}][now {\"a\": 1}]");
  EXPECT_EQ(llama("Well: <|python_tag|>get_weather.call(city=\"Pa, \\\"ris\", days=\"2\")"),
            "Well:[get_weather {\"city\": \"Pa, \\\"ris\", \"days\": \"2\"}]");
  for (const char* text : {"{\"answer\": 42}", "{\"name\": \"unknown\", \"parameters\": {}}",
                           "See {\"name\": \"now\", \"parameters\": {}}", "<|python_tag|>print(1)",
                           "<|python_tag|>unknown.call(a=\"1\")", "<|python_tag|>now.call(a=1)", "{", "",
                           "<|python_tag|>now.call(a=\"1", "<|python", "{\"name\": \"now\"", "\n{\"a\""})
    EXPECT_EQ(llama(text), text);
}

TEST(ToolParser, DeepSeekV31) {
  const ChatFormat format = deepseek_v31();
  const auto v31 = [&](std::string_view text) { return read(format, text); };
  const std::string calls = "<｜tool▁calls▁begin｜>", call = "<｜tool▁call▁begin｜>", sep = "<｜tool▁sep｜>",
                    end = "<｜tool▁call▁end｜>", ends = "<｜tool▁calls▁end｜>";
  EXPECT_EQ(v31("I look." + calls + call + "get_weather" + sep + "{\"city\": \"" + end + "\"}" + end + ends),
            "I look.[get_weather {\"city\": \"" + end + "\"}]");
  EXPECT_EQ(v31(calls + call + "now" + sep + "{}" + end + call + "now" + sep + "\n{\"a\": 1}\n" + end + ends +
                "Bye"),
            "[now {}][now {\"a\": 1}]Bye");
  EXPECT_EQ(v31(calls + call + "now" + sep + "{}" + end), "[now {}]");
  EXPECT_EQ(v31(calls + call + "now" + sep + "{\"a\""), "[now {\"a\"!]");
  for (const std::string& text :
       {calls, calls + ends, calls + call, calls + call + "unknown" + sep + "{}" + end + ends,
        calls + call + "now" + sep, calls + call + "now" + sep + "[1]" + end + ends, calls + "text",
        call + "now" + sep + "{}" + end, calls + call + std::string(600, 'n') + sep + "{}"})
    EXPECT_EQ(v31(text), text);
}

TEST(ToolParser, DeepSeekV32) {
  const ChatFormat format = deepseek_v32_encoding();
  const auto v32 = [&](std::string_view text) { return read(format, text); };
  const std::string calls = "<｜DSML｜function_calls>\n", end_calls = "</｜DSML｜function_calls>";
  const auto invoke = [](const std::string& name) { return "<｜DSML｜invoke name=\"" + name + "\">\n"; };
  const auto parameter = [](const std::string& key, const char* string, const std::string& value) {
    return "<｜DSML｜parameter name=\"" + key + "\" string=\"" + string + "\">" + value +
           "</｜DSML｜parameter>\n";
  };
  const std::string end = "</｜DSML｜invoke>\n";
  EXPECT_EQ(v32("I look.\n\n" + calls + invoke("get_weather") +
                parameter("city", "true", "Pa\"r\\i\ns </b> é") + parameter("days", "false", "2") +
                parameter("place", "false", "[1, {\"a\": 2}]") + end + invoke("now") + end + end_calls),
            "I look.[get_weather {\"city\": \"Pa\\\"r\\\\i\\ns </b> é\", \"days\": 2, \"place\": "
            "[1, {\"a\": 2}]}][now {}]");
  EXPECT_EQ(v32(calls + invoke("now") + "\n" + end + end_calls + "\n"), "[now {}]");
  EXPECT_EQ(v32(calls + invoke("now") + parameter("a", "false", "no json") + end + end_calls),
            "[now {\"a\": no json}!]");
  EXPECT_EQ(v32(calls + invoke("now") + "<｜DSML｜parameter name=\"a\" string=\"true\">x</｜DS"),
            "[now {\"a\": \"x!]");
  for (const std::string& text :
       {calls, calls + end_calls, calls + invoke("unknown") + end + end_calls, calls + invoke("now"),
        calls + invoke("now") + "text",
        calls + invoke("now") + "<｜DSML｜parameter name=\"a\">x</｜DSML｜parameter>", invoke("now") + end,
        calls + "<｜DSML｜invoke name=\"" + std::string(600, 'x')})
    EXPECT_EQ(v32(text), text);
}

TEST(ToolParser, Glm) {
  for (const ChatFormat& format : {glm46(), glm52()}) {
    const auto glm = [&](std::string_view text) { return read(format, text); };
    EXPECT_EQ(glm("I look.\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>12</arg_value>\n"
                  "<arg_key>days</arg_key>\n<arg_value>12</arg_value>\n</tool_call>"),
              "I look.[get_weather {\"city\": \"12\", \"days\": 12}]");
    EXPECT_EQ(
        glm("<tool_call>now</tool_call><tool_call>get_weather<arg_key>other</arg_key><arg_value>a \"b\" <c>"
            "</arg_value></tool_call>"),
        "[now {}][get_weather {\"other\": \"a \\\"b\\\" <c>\"}]");
    EXPECT_EQ(glm("<tool_call>get_weather<arg_key>city</arg_key><arg_value>Par"),
              "[get_weather {\"city\": \"Par!]");
    EXPECT_EQ(glm("<tool_call>get_weather<arg_key>city</arg_key><arg_value>P</arg_value>junk"),
              "[get_weather {\"city\": \"P\"!]junk");
    for (const char* text :
         {"<tool_call>", "<tool_call>now", "<tool_call>now\n", "<tool_call>unknown</tool_call>",
          "<tool_call><arg_key>a</arg_key>", "<tool_call>now\njunk", "<tool_call>now<arg_key>a",
          "<tool_call>now<arg_key>a</arg_key>x", "<tool_call>now<arg_key>days</arg_key><arg_value>1"})
      EXPECT_EQ(glm(text), text);
  }
}

// What a format writes as a call, its parser reads as that call.
TEST(ToolParser, ReadsWhatItsFormatWrites) {
  const std::string arguments =
      R"({"city": "Köln \"x\" \\ </b>\n{}", "days": 2, "place": [1.5, {"a": null}]})";
  std::vector<ChatMessage> messages{{Role::user, "q"}, {.role = Role::assistant, .content = ""}};
  messages[1].tool_calls = {{"", "get_weather", arguments}};
  for (const std::string& name : ChatFormat::names()) {
    const ChatFormat format = ChatFormat::named(name);
    if (!format.has_tools()) continue;
    std::string asked;
    std::string called;
    for (const Segment& s : format.render(std::span(messages).first(1), {.add_generation_prompt = false}))
      asked += s.text;
    for (const Segment& s : format.render(messages, {.add_generation_prompt = false})) called += s.text;
    ASSERT_TRUE(called.starts_with(asked)) << name;
    called.erase(0, asked.size());
    if (name == "llama-3") called.erase(0, called.find("\n\n") + 2);  // a call there is a whole message
    const std::string got = read(format, called);
    const auto at = got.find("[get_weather ");
    ASSERT_NE(at, std::string::npos) << name << ": " << got;
    const auto end = got.find(']', got.rfind('}'));
    EXPECT_EQ(parse_json(got.substr(at + 13, end - at - 13), name), parse_json(arguments, name)) << name;
  }
}

}  // namespace
}  // namespace dsa
