#include "compare/summary.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"

namespace dsa::compare {
namespace {

using Json = nlohmann::ordered_json;
using Chosen = std::vector<const Result*>;

double mean_of(const std::vector<double>& values) {
  return std::reduce(values.begin(), values.end()) / static_cast<double>(values.size());
}

std::optional<Interval> share_interval(const Metric& metric, const std::vector<double>& values) {
  if (!metric.yes_no) return std::nullopt;
  const auto yes = std::ranges::count_if(values, [](double v) { return v != 0; });
  return wilson_interval(yes, static_cast<std::int64_t>(values.size()));
}

std::optional<Row> row(const Metric& metric, const Chosen& chosen) {
  std::vector<double> a, b, differences;
  for (const Result* result : chosen) {
    const auto left = result->a.figures.find(metric.name), right = result->b.figures.find(metric.name);
    if (left == result->a.figures.end() || right == result->b.figures.end()) continue;
    a.push_back(left->second);
    b.push_back(right->second);
    differences.push_back(right->second - left->second);
  }
  if (a.empty()) return std::nullopt;
  return Row{.metric = metric,
             .a = mean_of(a),
             .b = mean_of(b),
             .a_interval = share_interval(metric, a),
             .b_interval = share_interval(metric, b),
             .difference = paired_difference(differences)};
}

Group group(std::string set, const Chosen& chosen) {
  Group out{.set = std::move(set), .prompts = std::ssize(chosen), .rows = {}};
  out.equal = std::ranges::count_if(chosen, [](const Result* one) { return !one->first_difference; });
  for (const Metric& metric : metrics())
    if (auto one = row(metric, chosen)) out.rows.push_back(std::move(*one));
  return out;
}

// Whom the rules prefer, if they say anything.
std::optional<Verdict> by_rules(const Result& result) {
  const auto a = result.a.figures.find("score"), b = result.b.figures.find("score");
  if (a == result.a.figures.end() || b == result.b.figures.end()) return std::nullopt;
  return a->second > b->second ? Verdict::a : a->second < b->second ? Verdict::b : Verdict::tie;
}

std::optional<JudgeSummary> judged(std::span<const Result> results) {
  JudgeSummary out;
  bool any = false;
  for (const Result& result : results) {
    if (!result.judgement) continue;
    any = true;
    const auto settled = result.judgement->settled();
    const bool unclear =
        result.judgement->a_first == Verdict::unclear || result.judgement->b_first == Verdict::unclear;
    if (!settled)
      ++(unclear ? out.unclear : out.by_place);
    else
      ++(*settled == Verdict::a ? out.a : *settled == Verdict::b ? out.b : out.tie);
    const auto rules = by_rules(result);
    if (!settled || !rules || *settled == Verdict::tie || *rules == Verdict::tie) continue;
    ++out.decided;
    out.agreed += *settled == *rules ? 1 : 0;
  }
  if (!any) return std::nullopt;
  if (out.decided > 0) out.agreement = wilson_interval(out.agreed, out.decided);
  return out;
}

Json to_json(const std::optional<Interval>& interval) {
  return interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
}

}  // namespace

Summary summarise(std::span<const Result> results) {
  DSA_CHECK(!results.empty());
  std::vector<std::pair<std::string, Chosen>> sets;
  Chosen all;
  for (const Result& result : results) {
    all.push_back(&result);
    auto found = std::ranges::find(sets, result.set, &std::pair<std::string, Chosen>::first);
    if (found == sets.end()) found = sets.insert(sets.end(), {result.set, {}});
    found->second.push_back(&result);
  }
  Summary out;
  for (const auto& [set, chosen] : sets) out.groups.push_back(group(set, chosen));
  if (sets.size() > 1) out.groups.push_back(group("all", all));
  out.judge = judged(results);
  return out;
}

Json to_json(const Summary& summary) {
  Json out{{"groups", Json::array()}};
  for (const Group& group : summary.groups) {
    Json figures = Json::object();
    for (const Row& row : group.rows) {
      Json one{{"pairs", row.difference.n}, {"a", row.a}, {"b", row.b}};
      if (row.metric.yes_no)
        one.update({{"a_interval", to_json(row.a_interval)}, {"b_interval", to_json(row.b_interval)}});
      one["difference"] = row.difference.mean;
      one["interval"] = to_json(row.difference.interval);
      figures[std::string(row.metric.name)] = std::move(one);
    }
    out["groups"].push_back({{"set", group.set},
                             {"prompts", group.prompts},
                             {"equal", group.equal},
                             {"figures", std::move(figures)}});
  }
  if (const auto& judge = summary.judge)
    out["judge"] = {{"a", judge->a},
                    {"b", judge->b},
                    {"tie", judge->tie},
                    {"by_place", judge->by_place},
                    {"unclear", judge->unclear},
                    {"decided_by_both", judge->decided},
                    {"agreed_with_rules", judge->agreed},
                    {"agreement", to_json(judge->agreement)}};
  return out;
}

}  // namespace dsa::compare
