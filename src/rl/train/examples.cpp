#include "rl/train/examples.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/who.h"

namespace dsa::rl {
namespace {

constexpr JsonLimits kLimits{.max_bytes = 1 << 20, .max_depth = 8, .max_values = 10000};

Example from_json(const nlohmann::json& j) {
  Example out;
  out.domain = &find_domain(j.at("domain").get<std::string>());
  out.id = {.seed = j.at("seed"),
            .number = j.at("number"),
            .difficulty = j.at("difficulty"),
            .context = j.at("context")};
  const std::string style = j.at("style");
  if (style != "steps" && style != "brief") fail("style {}: expected steps or brief", printable(style));
  out.style = style == "brief" ? Style::brief : Style::steps;
  j.at("messages").get_to(out.messages);
  if (out.messages.empty()) fail("there are no messages");
  static_cast<void>(make_task(*out.domain, out.id));
  return out;
}

}  // namespace

std::string to_line(const Example& e) {
  const nlohmann::ordered_json j{
      {"domain", e.domain->name}, {"seed", e.id.seed},
      {"number", e.id.number},    {"difficulty", e.id.difficulty},
      {"context", e.id.context},  {"style", e.style == Style::brief ? "brief" : "steps"},
      {"messages", e.messages}};
  return json_text(j) + "\n";
}

std::vector<Example> read_examples(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) fail("{}: cannot be read", who(path));
  std::vector<Example> out;
  std::int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    const std::string where = fmt::format("{}, line {}", who(path), ++number);
    const auto json = parse_json(line, where, kLimits);
    try {
      out.push_back(from_json(json));
    } catch (const nlohmann::json::exception& error) {
      fail("{}: is no episode: {}", where, printable(error.what()));
    } catch (const Error& error) {
      fail("{}: {}", where, error.what());
    }
  }
  if (out.empty()) fail("{}: holds no episodes", who(path));
  return out;
}

}  // namespace dsa::rl
