#include "accounts/usage_report.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"

namespace dsa::accounts {
namespace {

// A spreadsheet takes what begins so for a formula.
std::string csv_cell(const std::string& text) {
  const bool formula = !text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos;
  std::string out = formula ? "'" + text : text;
  if (out.find_first_of(",\"\n\r") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string csv_line(const std::vector<std::string>& cells) {
  return fmt::format("{}\n", fmt::join(cells, ","));
}

}  // namespace

std::vector<UsageRow> grouped(std::span<const UsageRow> rows, const UsageGroups& groups) {
  std::vector<UsageRow> out;
  for (const UsageRow& row : rows) {
    const auto found = std::ranges::find_if(out, [&](const UsageRow& sum) {
      return (!groups.key || sum.key == row.key) && (!groups.day || sum.day == row.day) &&
             (!groups.model || sum.model == row.model) && sum.currency == row.currency;
    });
    if (found == out.end()) {
      out.push_back(row);
      if (!groups.key) out.back().key = out.back().owner = "";
      if (!groups.model) out.back().model = "";
      continue;
    }
    found->requests += row.requests;
    found->tokens.hit += row.tokens.hit;
    found->tokens.miss += row.tokens.miss;
    found->tokens.output += row.tokens.output;
    found->cost += row.cost;
  }
  return out;
}

nlohmann::ordered_json usage_json(std::span<const UsageRow> rows, const UsageGroups& groups) {
  nlohmann::ordered_json data = nlohmann::ordered_json::array();
  for (const UsageRow& row : grouped(rows, groups)) {
    nlohmann::ordered_json one = nlohmann::ordered_json::object();
    if (groups.key) one["key"] = row.key;
    if (groups.key) one["owner"] = row.owner;
    if (groups.day) one["day"] = day_text(row.day);
    if (groups.model) one["model"] = row.model;
    one["requests"] = row.requests;
    one["prompt_cache_hit_tokens"] = row.tokens.hit;
    one["prompt_cache_miss_tokens"] = row.tokens.miss;
    one["completion_tokens"] = row.tokens.output;
    one["cost"] = money_text(row.cost);
    one["currency"] = row.currency;
    data.push_back(std::move(one));
  }
  return {{"object", "list"}, {"data", std::move(data)}};
}

std::string usage_csv(std::span<const UsageRow> rows, const UsageGroups& groups) {
  std::vector<std::string> header;
  if (groups.key) header.insert(header.end(), {"key", "owner"});
  if (groups.day) header.emplace_back("day");
  if (groups.model) header.emplace_back("model");
  header.insert(header.end(), {"requests", "hit", "miss", "output", "cost", "currency"});
  std::string out = csv_line(header);
  for (const UsageRow& row : grouped(rows, groups)) {
    std::vector<std::string> cells;
    if (groups.key) cells.insert(cells.end(), {csv_cell(row.key), csv_cell(row.owner)});
    if (groups.day) cells.push_back(day_text(row.day));
    if (groups.model) cells.push_back(csv_cell(row.model));
    for (const std::int64_t count : {row.requests, row.tokens.hit, row.tokens.miss, row.tokens.output})
      cells.push_back(std::to_string(count));
    cells.insert(cells.end(), {money_text(row.cost), row.currency});
    out += csv_line(cells);
  }
  return out;
}

std::string audit_csv(std::span<const AuditRow> rows) {
  std::string out = csv_line({"time", "key", "answer", "model", "hit", "miss", "output", "price_hit",
                              "price_miss", "price_output", "cost", "currency", "status"});
  for (const AuditRow& row : rows)
    out += csv_line({moment_text(row.moment), row.key, row.answer, csv_cell(row.model),
                     std::to_string(row.tokens.hit), std::to_string(row.tokens.miss),
                     std::to_string(row.tokens.output), money_text(row.price.hit), money_text(row.price.miss),
                     money_text(row.price.output), money_text(row.cost), row.currency, row.status});
  return out;
}

}  // namespace dsa::accounts
