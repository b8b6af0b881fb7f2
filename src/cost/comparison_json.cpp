#include <nlohmann/json.hpp>

#include "cost/comparison.h"

namespace dsa::cost {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const PerKind& k) { return {{"hit", k.hit}, {"miss", k.miss}, {"output", k.output}}; }

Json to_json(const Own& own) {
  const Service& s = own.service;
  const Yearly& y = own.yearly;
  return {{"ttft_s", s.ttft_s},
          {"tpot_ms", s.tpot_ms},
          {"clients", s.clients},
          {"meets_target", s.meets_target},
          {"load", s.load},
          {"requests_a_day", s.requests_a_day},
          {"tokens_a_day", s.tokens_a_day},
          {"machines", own.machines},
          {"usd_a_year",
           {{"machines", y.machines},
            {"electricity", y.electricity},
            {"hosting", y.hosting},
            {"staff", y.staff},
            {"total", y.total()}}},
          {"usd_three_years", 3 * y.total()},
          {"usd_per_million", to_json(own.per_million)},
          {"usd_per_million_fully_used", to_json(own.per_million_full)}};
}

Json to_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

template <class T>
Json to_json(const Corners<T>& c) {
  return {{"cheap", to_json(c.cheap)}, {"middle", to_json(c.middle)}, {"dear", to_json(c.dear)}};
}

Json to_json(Settings settings) {
  Json out = Json::object();
  for (const Setting& setting : list_settings(settings)) {
    Json& value = out[std::string(setting.table)][std::string(setting.key)];
    if (std::string* const* text = std::get_if<std::string*>(&setting.value)) {
      value = **text;
      continue;
    }
    const Range& range = *std::get<Range*>(setting.value);
    value = range.low == range.high ? Json(range.low) : Json{range.low, range.high};
  }
  return out;
}

}  // namespace

nlohmann::ordered_json to_json(const Comparison& c) {
  Json own = Json::object(), apis = Json::array();
  for (const OwnCost& cost : c.own) own[cost.attention] = to_json(cost.own);
  for (const ApiCost& api : c.apis) {
    Json break_even = Json::object();
    for (std::size_t i = 0; i < c.own.size(); ++i)
      break_even[c.own[i].attention] = to_json(api.break_even[i]);
    apis.push_back(
        {{"name", api.price.name},
         {"date", api.price.date},
         {"usd_per_million",
          {{"hit", to_json(api.price.hit)}, {"miss", api.price.miss}, {"output", api.price.output}}},
         {"usd_three_years", 3 * api.yearly},
         {"break_even_requests_a_day", std::move(break_even)}});
  }
  return {{"speed", c.source},
          {"settings", to_json(c.settings)},
          {"own", std::move(own)},
          {"apis", std::move(apis)}};
}

}  // namespace dsa::cost
