// One's own machines beside the APIs: what `dsa cost` answers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cost/own.h"
#include "cost/settings.h"
#include "cost/speed.h"

namespace dsa::cost {

/// With one kind of attention.
struct OwnCost {
  std::string attention;
  Corners<Own> own;
};

struct ApiCost {
  Price price;
  double yearly = 0;  // dollars, its staff hours in the middle of their range
  std::vector<Corners<std::optional<double>>> break_even;  // requests a day, for each of Comparison::own
};

struct Comparison {
  Settings settings;
  std::string source;  // of the speeds
  std::vector<OwnCost> own;
  std::vector<ApiCost> apis;
};

Comparison compare(const Settings& settings, const Speeds& speeds);

/// Lines for a person, the last one ended too.
std::string to_text(const Comparison& comparison);
/// docs/interfaces.md, "JSON of the verbs".
nlohmann::ordered_json to_json(const Comparison& comparison);

}  // namespace dsa::cost
