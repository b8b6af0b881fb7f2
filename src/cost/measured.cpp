#include "cost/measured.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "base/who.h"
#include "cost/file_text.h"
#include "cost/json_fields.h"

namespace dsa::cost {
namespace {

using nlohmann::json;

constexpr double kMostTokens = 1e12;
constexpr double kMostSpeed = 1e12, kLeastSpeed = 1e-9;  // tokens a second: what is beyond is no measurement

double seconds_at(const json& row, const char* key, const std::string& who) {
  return 1 / number_within(row, key, kLeastSpeed, kMostSpeed, who);
}

void add_row(Speed& speed, const json& row, const std::string& who) {
  const std::string phase = string(row, "phase", who);
  if (phase != "decode" && phase != "prefill") return;  // a whole prompt says nothing of a position
  if (!is_of_one_sequence(row)) return;                 // what batching gains is a server's measurement
  const double depth = number_within(row, "depth", 0, kMostTokens, who);
  const double tokens = number_within(row, "tokens", 1, kMostTokens, who);
  const Timing timing{.position = depth + (tokens - 1) / 2,
                      .fast_s = seconds_at(row, "tok_s_max", who),
                      .middle_s = seconds_at(row, "tok_s", who),
                      .slow_s = seconds_at(row, "tok_s_min", who)};
  if (!(timing.fast_s <= timing.middle_s && timing.middle_s <= timing.slow_s))
    fail("{}: tok_s does not lie between tok_s_min and tok_s_max", who);
  std::vector<Timing>& timings = phase == "decode" ? speed.decode : speed.prefill;
  const auto place = std::ranges::lower_bound(timings, timing.position, {}, &Timing::position);
  if (place != timings.end() && place->position == timing.position)
    fail("{}: measured twice: {} {} at {}", who, speed.attention, phase, depth);
  timings.insert(place, timing);
}

// Of our server, the values that one cell of compare_server.py has; none without that cell.
std::vector<double> values_of(const json& cells, const std::string& name, const std::string& who) {
  constexpr const char* kOurs = "dsa";
  if (!cells.contains(name)) return {};
  std::vector<double> values;
  for (const json& value : member(cells[name], kOurs, json::value_t::array, who + ": " + name)) {
    if (!value.is_number() || !(value.get<double>() > 0) || value.get<double>() > kMostSpeed)
      fail("{}: {}: expected numbers above 0", who, name);
    values.push_back(value.get<double>());
  }
  if (values.empty()) fail("{}: {}: has no values", who, name);
  return values;
}

Range ratio(const std::vector<double>& over, const std::vector<double>& under) {
  const auto [low, high] = std::ranges::minmax(over);
  const auto [least, most] = std::ranges::minmax(under);
  return {low / most, high / least};
}

}  // namespace

bool is_of_one_sequence(const json& row) {
  const auto sequences = row.find("sequences");
  return sequences == row.end() || *sequences == 1;
}

Speeds read_bench_text(std::string_view text, const std::string& who) {
  const json file = parse_json(text, who);
  std::map<std::string, Speed> by_attention;
  std::size_t i = 0;
  for (const json& row : member(file, "rows", json::value_t::array, who)) {
    const std::string where = fmt::format("{}: row {}", who, i++);
    const std::string attention = string(row, "attention", where);
    if (attention != "dense" && attention != "sparse")
      fail("{}: attention is {}, expected dense or sparse", where, printable(attention));
    by_attention[attention].attention = attention;
    add_row(by_attention[attention], row, where);
  }
  Speeds out;
  out.source =
      fmt::format("measured: {}, {} on {}", who, printable(string(file, "model", who), 300),
                  printable(string(member(file, "machine", json::value_t::object, who), "cpu", who)));
  for (auto& [name, speed] : by_attention)
    if (!speed.prefill.empty() && !speed.decode.empty()) out.kinds.push_back(std::move(speed));
  if (out.kinds.empty())
    fail("{}: holds no attention with both decode and prefill rows: measure both with `dsa bench --json`",
         who);
  return out;
}

Speeds read_bench(const std::filesystem::path& file) { return read_bench_text(file_text(file), who(file)); }

ServerSpeeds read_server_text(std::string_view text, const std::string& who) {
  const json file = parse_json(text, who);
  const json& cells = member(file, "cells", json::value_t::object, who);
  ServerSpeeds out;
  const std::vector<double> alone = values_of(cells, "a/1", who);
  for (const std::int64_t clients : {1, 4, 8, 16})
    if (const auto many = values_of(cells, fmt::format("a/{}", clients), who);
        !many.empty() && !alone.empty())
      out.batching.push_back({.clients = clients, .gain = clients == 1 ? Range(1) : ratio(many, alone)});
  const std::vector<double> cold = values_of(cells, "c/cold", who), hit = values_of(cells, "c/ram", who);
  if (!cold.empty() && !hit.empty()) {
    const Range share = ratio(hit, cold);
    out.hit_share = Range{std::min(share.low, 1.0), std::min(share.high, 1.0)};
  }
  if (out.batching.empty() && !out.hit_share)
    fail("{}: holds neither row a nor row c of bench/compare_server.py", who);
  return out;
}

ServerSpeeds read_server(const std::filesystem::path& file) {
  return read_server_text(file_text(file), who(file));
}

void apply(const ServerSpeeds& server, Speeds& speeds, Settings& settings) {
  if (!server.batching.empty())
    for (Speed& speed : speeds.kinds) speed.batching = server.batching;
  if (server.hit_share) settings.site.hit_share = *server.hit_share;
}

}  // namespace dsa::cost
