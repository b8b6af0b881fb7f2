#include "cost/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/who.h"
#include "bench/cost.h"
#include "cost/file_text.h"
#include "cost/json_fields.h"
#include "cost/measured.h"

namespace dsa::cost {
namespace {

constexpr std::size_t kParts = 4;
enum Part : std::size_t { kProducts, kAttention, kSelected, kScores };
using Parts = std::array<double, kParts>;
constexpr double kLeast = 1e-9, kMost = 1e18;
constexpr std::size_t kLeastRows = 3;

struct Row {
  ValidatedRow told;
  Parts least{};  // seconds
};

Machine machine_of(const nlohmann::json& json, const std::string& who) {
  Machine m;
  m.read_gb_s = number_within(json, "read_gb_s", kLeast, kMost, who);
  m.fp32_gflop_s = number_within(json, "fp32_gflop_s", kLeast, kMost, who);
  m.bf16_gflop_s = number_within(json, "bf16_gflop_s", kLeast, kMost, who);
  m.int8_gop_s = number_within(json, "int8_gop_s", kLeast, kMost, who);
  return m;
}

double least_of(const nlohmann::json& parts, const char* name, const Machine& machine,
                const std::string& who) {
  const nlohmann::json& json = member(parts, name, nlohmann::json::value_t::object, who);
  const Cost cost{.bytes = number_within(json, "bytes", 0, kMost, who),
                  .fp32_ops = number_within(json, "fp32_ops", 0, kMost, who),
                  .bf16_ops = number_within(json, "bf16_ops", 0, kMost, who),
                  .int8_ops = number_within(json, "int8_ops", 0, kMost, who)};
  return least_time(cost, machine).seconds;
}

Row row_of(const nlohmann::json& json, const Machine& machine, const std::string& who) {
  Row row;
  row.told.phase = string(json, "phase", who);
  row.told.attention = string(json, "attention", who);
  row.told.depth = static_cast<std::int64_t>(number_within(json, "depth", 0, 1e12, who));
  row.told.measured_s =
      number_within(json, "tokens", 1, 1e12, who) / number_within(json, "tok_s", kLeast, kMost, who);
  const nlohmann::json& cost = member(json, "cost", nlohmann::json::value_t::object, who);
  const auto least = [&](const char* name) { return least_of(cost, name, machine, who); };
  row.least[kProducts] = least("weights") + least("experts") + least("head");
  row.least[kScores] = least("scores");
  // What was scored was selected.
  row.least[row.least[kScores] > 0 ? kSelected : kAttention] = least("attention");
  return row;
}

// The x that make A x come nearest to b, by its normal equations; nothing if they do not determine it.
std::optional<Parts> solve(std::array<Parts, kParts> a, Parts b, const std::vector<std::size_t>& used) {
  Parts x{};
  for (const std::size_t k : used) {
    if (std::abs(a[k][k]) < 1e-12) return std::nullopt;
    for (const std::size_t i : used) {
      if (i == k) continue;
      const double factor = a[i][k] / a[k][k];
      for (const std::size_t j : used) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (const std::size_t k : used) x[k] = b[k] / a[k][k];
  return x;
}

// How many times its least time each part takes: 1 + y, y >= 0, tried for every set of parts that may differ
// from 0.
Parts fit(const std::vector<const Row*>& rows) {
  std::array<Parts, kParts> a{};
  Parts b{};
  const auto relative = [](const Row& row, std::size_t k) { return row.least[k] / row.told.measured_s; };
  const auto missing = [&](const Row& row) {
    double left = 1;
    for (std::size_t k = 0; k < kParts; ++k) left -= relative(row, k);
    return left;
  };
  for (const Row* row : rows)
    for (std::size_t i = 0; i < kParts; ++i) {
      for (std::size_t j = 0; j < kParts; ++j) a[i][j] += relative(*row, i) * relative(*row, j);
      b[i] += relative(*row, i) * missing(*row);
    }
  Parts best{};
  double least_error = INFINITY;
  for (unsigned set = 0; set < 1U << kParts; ++set) {
    std::vector<std::size_t> used;
    for (std::size_t k = 0; k < kParts; ++k)
      if ((set >> k & 1U) != 0) used.push_back(k);
    const auto y = solve(a, b, used);
    if (!y || std::ranges::any_of(*y, [](double v) { return v < 0; })) continue;
    double error = 0;
    for (const Row* row : rows) {
      double off = missing(*row);
      for (std::size_t k = 0; k < kParts; ++k) off -= (*y)[k] * relative(*row, k);
      error += off * off;
    }
    if (error < least_error) {
      least_error = error;
      best = *y;
    }
  }
  const auto unknown = [&](Part part) { return a[part][part] == 0; };
  if (unknown(kScores)) best[kScores] = best[kProducts];
  if (unknown(kAttention)) best[kAttention] = best[unknown(kSelected) ? kProducts : kSelected];
  if (unknown(kSelected)) best[kSelected] = best[kAttention];
  for (double& times : best) times += 1;
  return best;
}

void predict_from_others(std::vector<Row>& rows, const std::string& who) {
  for (Row& row : rows) {
    std::vector<const Row*> others;
    for (const Row& other : rows)
      if (&other != &row && other.told.phase == row.told.phase) others.push_back(&other);
    if (others.size() + 1 < kLeastRows)
      fail("{}: has {} rows of phase {}: measure {} or more, at several depths", who, others.size() + 1,
           printable(row.told.phase), kLeastRows);
    const Parts times = fit(others);
    for (std::size_t k = 0; k < kParts; ++k) row.told.predicted_s += times[k] * row.least[k];
  }
}

}  // namespace

std::vector<ValidatedRow> validate_text(std::string_view text, const std::string& who) {
  const nlohmann::json file = parse_json(text, who);
  const Machine machine = machine_of(member(file, "machine", nlohmann::json::value_t::object, who), who);
  std::vector<Row> rows;
  std::size_t i = 0;
  for (const nlohmann::json& json : member(file, "rows", nlohmann::json::value_t::array, who)) {
    const std::string where = fmt::format("{}: row {}", who, i++);
    const Row row = row_of(json, machine, where);
    if (is_of_one_sequence(json)) rows.push_back(row);
  }
  std::erase_if(rows, [](const Row& row) { return row.told.phase == "prompt"; });
  if (rows.empty()) fail("{}: holds no rows of decode or prefill", who);
  predict_from_others(rows, who);
  std::vector<ValidatedRow> out;
  for (const Row& row : rows) out.push_back(row.told);
  return out;
}

std::vector<ValidatedRow> validate(const std::filesystem::path& file) {
  return validate_text(file_text(file), who(file));
}

double worst(const std::vector<ValidatedRow>& rows) {
  double worst = 0;
  for (const ValidatedRow& row : rows) worst = std::max(worst, std::abs(row.ratio() - 1));
  return worst;
}

std::string to_text(const std::vector<ValidatedRow>& rows) {
  std::string out = fmt::format("{:<8} {:<9} {:>7} {:>13} {:>13} {:>9}\n", "phase", "attention", "depth",
                                "measured, ms", "predicted, ms", "off by");
  for (const ValidatedRow& row : rows)
    out += fmt::format("{:<8} {:<9} {:>7} {:>13.4g} {:>13.4g} {:>+7.0f} %\n", printable(row.phase),
                       printable(row.attention), row.depth, 1000 * row.measured_s, 1000 * row.predicted_s,
                       100 * (row.ratio() - 1));
  return out + fmt::format("at most {:.0f} % off\n", 100 * worst(rows));
}

nlohmann::ordered_json to_json(const std::vector<ValidatedRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ValidatedRow& row : rows)
    list.push_back({{"phase", row.phase},
                    {"attention", row.attention},
                    {"depth", row.depth},
                    {"measured_s", row.measured_s},
                    {"predicted_s", row.predicted_s}});
  return {{"rows", std::move(list)}, {"worst", worst(rows)}};
}

}  // namespace dsa::cost
