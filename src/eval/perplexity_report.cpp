#include "eval/perplexity_report.h"

#include <fmt/format.h>

namespace dsa {
namespace {

nlohmann::ordered_json to_json(const PositionBucket& bucket) {
  return {{"from", bucket.from},
          {"to", bucket.to},
          {"tokens", bucket.tokens},
          {"nll", bucket.tokens > 0 ? bucket.nll / static_cast<double>(bucket.tokens) : 0},
          {"perplexity", bucket.perplexity()}};
}

}  // namespace

nlohmann::ordered_json to_json(const Perplexity& p) {
  nlohmann::ordered_json out{{"windows", p.windows},
                             {"tokens", p.all.tokens},
                             {"nll", to_json(p.all)["nll"]},
                             {"perplexity", p.all.perplexity()},
                             {"second_half", to_json(p.second_half)},
                             {"by_position", nlohmann::ordered_json::array()},
                             {"window_nll", p.window_nll},
                             {"window_second_half_nll", p.window_second_half_nll},
                             {"tokens_per_s", p.tokens_per_second()}};
  for (const auto& bucket : p.by_position) out["by_position"].push_back(to_json(bucket));
  return out;
}

nlohmann::ordered_json to_json(const Interval& interval) {
  return nlohmann::ordered_json::array({interval.low, interval.high});
}

nlohmann::ordered_json to_json(const PerplexityGap& gap) {
  nlohmann::ordered_json out{{"percent", gap.percent}, {"interval_percent", nullptr}};
  if (gap.interval) out["interval_percent"] = to_json(*gap.interval);
  return out;
}

std::string perplexity_table(std::span<const PerplexityColumn> columns) {
  std::string out = fmt::format("{:>15}  {:>9}", "positions", "tokens");
  for (const auto& column : columns) out += fmt::format("  {:>10}", column.title);
  out += "\n";
  const auto row = [&](const auto& bucket_of, std::string_view note) {
    const PositionBucket& bounds = bucket_of(*columns.front().perplexity);
    out += fmt::format("{:>6} .. {:>5}  {:>9}", bounds.from, bounds.to, bounds.tokens);
    for (const auto& column : columns)
      out += fmt::format("  {:>10.4f}", bucket_of(*column.perplexity).perplexity());
    out += fmt::format("{}\n", note);
  };
  for (std::size_t i = 0; i < columns.front().perplexity->by_position.size(); ++i)
    row([i](const Perplexity& p) -> const PositionBucket& { return p.by_position[i]; }, "");
  row([](const Perplexity& p) -> const PositionBucket& { return p.second_half; }, "  the second half");
  row([](const Perplexity& p) -> const PositionBucket& { return p.all; }, "  all");
  return out;
}

std::string to_text(const PerplexityGap& gap) {
  std::string out = fmt::format("{:+.2f} %", gap.percent);
  if (gap.interval) out += fmt::format(" ({:+.2f} .. {:+.2f})", gap.interval->low, gap.interval->high);
  return out;
}

}  // namespace dsa
