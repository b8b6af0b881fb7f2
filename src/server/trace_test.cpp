// What was selected, as clients are told it.
#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "server/anthropic.h"
#include "server/openai_chat.h"
#include "server/openai_completions.h"
#include "server/request_fields.h"
#include "server/responses.h"
#include "server/trace_json.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;
using Positions = std::vector<std::int32_t>;

// As docs/serving.md says: what was there, less what is dropped, and what is added.
std::vector<std::map<std::int64_t, Positions>> unfolded(const json& told) {
  std::map<std::int64_t, std::set<std::int32_t>> now;
  std::vector<std::map<std::int64_t, Positions>> out;
  for (const json& token : told) {
    EXPECT_EQ(token.at("token"), out.size());
    out.emplace_back();
    for (const json& layer : token.at("layers")) {
      auto& chosen = now[layer.at("layer")];
      std::int32_t at = 0;
      for (const std::int32_t gap : layer.at("drop")) EXPECT_EQ(chosen.erase(at += gap), 1U);
      at = 0;
      for (const std::int32_t gap : layer.at("add")) EXPECT_TRUE(chosen.insert(at += gap).second);
      out.back()[layer.at("layer")] = {chosen.begin(), chosen.end()};
    }
  }
  return out;
}

// Of two layers, for three tokens; the first token saw no more than is selected.
const std::vector<Selected> kSelected{
    {.visible = 4},
    {.visible = 5, .layers = {{.layer = 0, .positions = {0, 1, 2, 4}}, {.layer = 7, .positions = {4}}}},
    {.visible = 6, .layers = {{.layer = 0, .positions = {0, 2, 4, 5}}, {.layer = 7, .positions = {0, 3}}}}};

void expect_selected(const json& told) {
  ASSERT_EQ(told.size(), kSelected.size());
  const auto layers = unfolded(told);
  for (std::size_t i = 0; i < kSelected.size(); ++i) {
    EXPECT_EQ(told.at(i).at("visible"), kSelected[i].visible);
    ASSERT_EQ(layers[i].size(), kSelected[i].layers.size());
    for (const LayerSelection& one : kSelected[i].layers) EXPECT_EQ(layers[i].at(one.layer), one.positions);
  }
}

// What a client is told of those tokens: the texts of a stream, or of a whole answer.
json told(const std::string& more) {
  test::ScriptedModel model;
  const std::string text = R"({"messages": [{"role": "user", "content": "hi"}])" + more + "}";
  const json body = parse_body(text);
  const ChatCall call = read_chat(Fields(body), model.served, text);
  EXPECT_EQ(call.plan.requests.at(0).traced_tokens, 3);
  const auto writer = write_chat(call, model.served);
  std::string stream = writer->begin();
  for (const Selected& selected : kSelected) {
    stream += writer->push(0, {.what = selected});
    stream += writer->push(0, {.what = NewToken{.id = 1, .text = "a"}});
  }
  stream += writer->push(0, {.what = Finished{}});
  if (!call.plan.stream) return json::parse(writer->whole().body).at("dsa").at("trace");
  json out = json::array();
  std::size_t texts = 0;
  for (std::size_t at = 0; (at = stream.find("data: {", at)) != std::string::npos; ++at) {
    const json event = json::parse(stream.substr(at + 6, stream.find('\n', at) - at - 6));
    if (!event.contains("dsa")) {
      for (const json& choice : event.at("choices")) texts += choice.at("delta").value("content", "").size();
      continue;
    }
    EXPECT_EQ(texts, out.size()) << "each stands before its token";
    out.push_back(event.at("dsa").at("trace"));
  }
  return out;
}

TEST(Trace, TellsWhatChangedAndCanBeUnfolded) {
  TraceJson trace;
  json all = json::array();
  for (const Selected& selected : kSelected) all.push_back(json(trace.push(0, selected)));
  expect_selected(all);
  EXPECT_EQ(all.at(1).at("layers").at(0).at("add"), json::array({0, 1, 1, 2}));
  EXPECT_EQ(all.at(2).at("layers").at(0).at("add"), json::array({5}));
  EXPECT_EQ(all.at(2).at("layers").at(0).at("drop"), json::array({1}));
}

TEST(Trace, ComesBeforeEachTokenOfAStreamOrWithTheWholeAnswer) {
  expect_selected(told(R"(, "dsa": {"trace": {"tokens": 3}})"));
  expect_selected(told(R"(, "stream": true, "dsa": {"trace": {"tokens": 3}})"));
}

TEST(Trace, WhereItIsNotToldItIsRefused) {
  test::ScriptedModel model;
  const auto refused = [&](const char* text, const auto& read) {
    const json body = parse_body(text);
    try {
      read(Fields(body));
    } catch (const ApiError& error) {
      EXPECT_EQ(error.status(), 400);
      EXPECT_NE(std::string(error.what()).find("dsa.trace is given"), std::string::npos) << error.what();
      return true;
    }
    return false;
  };
  EXPECT_TRUE(refused(R"({"prompt": "hi", "dsa": {"trace": {}}})",
                      [&](const Fields& body) { read_completions(body, model.served); }));
  EXPECT_FALSE(refused(R"({"prompt": "hi", "dsa": {"trace": null}})",
                       [&](const Fields& body) { read_completions(body, model.served); }));
  EXPECT_TRUE(refused(R"({"input": "hi", "dsa": {"trace": {}}})",
                      [&](const Fields& body) { read_responses(body, model.served, "{}"); }));
  EXPECT_TRUE(
      refused(R"({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3, "dsa": {"trace": {}}})",
              [&](const Fields& body) { read_messages(body, model.served, /*counting=*/false, "{}"); }));
}

}  // namespace
}  // namespace dsa::server
