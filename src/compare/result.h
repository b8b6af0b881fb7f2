// What became of one prompt, and the file that such results are kept in.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "compare/judge.h"
#include "compare/metrics.h"

namespace dsa::compare {

struct SideResult {
  std::string text;
  std::string finish;
  Figures figures;
  std::string code;  // what became of the tests, in a line; "" if there were none
};

struct Result {
  std::string id;
  std::string set;
  std::string digest;  // the prompt's
  std::string asked;   // the last turn
  std::optional<std::int64_t> turns_ago = {};
  SideResult a, b;
  std::optional<std::int64_t> first_difference = {};  // in words; none: the same
  std::optional<Judgement> judgement = {};
};

nlohmann::ordered_json to_json(const Result& result);
/// Nothing if it is none.
std::optional<Result> parse_result(const nlohmann::ordered_json& json);

}  // namespace dsa::compare
