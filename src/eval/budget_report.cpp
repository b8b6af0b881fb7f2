#include "eval/budget_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/svg_plot.h"

namespace dsa {
namespace {

// Loss = weight / top-k: from half of it to twice as much it falls by 1.5 weight / top-k.
constexpr double kEffectOfWeight = 1.5;

}  // namespace

void BudgetTotals::add(const std::string& kind, const BudgetFigures& figures) {
  samples_.emplace_back(kind, figures);
}

BudgetPlan BudgetTotals::plan(std::vector<std::int64_t> before, std::int64_t mean,
                              const BudgetBounds& bounds) const {
  BudgetPlan out{.before = std::move(before), .kinds = {}, .effect = {}, .error = {}, .after = {}};
  for (const auto& [name, figures] : samples_) {
    BudgetKind& kind = out.kinds[name];
    ++kind.samples;
    kind.loss += figures.loss;
    kind.log_prob += figures.log_prob;
  }
  for (auto& [name, kind] : out.kinds) {
    kind.loss /= static_cast<double>(kind.samples);
    kind.log_prob /= static_cast<double>(kind.samples);
  }
  std::vector<double> losses;
  for (const auto& [name, figures] : samples_)
    losses.push_back(figures.loss * static_cast<double>(figures.scored));
  const double lost = std::accumulate(losses.begin(), losses.end(), 0.0),
               n = static_cast<double>(losses.size());
  if (lost <= 0) fail("selecting costs these samples nothing: give longer ones, or a smaller `index_topk`");
  std::vector<double> weights;
  for (std::size_t layer = 0; layer < out.before.size(); ++layer) {
    double sum = 0, squares = 0;
    const auto effect_of = [&](const BudgetFigures& f) {
      return f.effect[layer] * static_cast<double>(f.scored);
    };
    for (const auto& [name, figures] : samples_) sum += effect_of(figures);
    const double share = sum / lost;
    for (std::size_t i = 0; i < losses.size(); ++i)
      squares += std::pow(effect_of(samples_[i].second) - share * losses[i], 2);
    out.effect.push_back(share);
    out.error.push_back(n > 1 ? std::sqrt(squares * n / (n - 1)) / lost : 0);
  }
  const auto effect = shrunk(out.effect, out.error);
  for (std::size_t layer = 0; layer < effect.size(); ++layer)
    weights.push_back(std::max(-effect[layer], 0.0) * static_cast<double>(out.before[layer]) /
                      kEffectOfWeight);
  out.after = divide_budget(weights, mean, bounds);
  for (std::size_t layer = 0; layer < weights.size(); ++layer)
    out.expected += weights[layer] / static_cast<double>(out.after[layer]) -
                    weights[layer] / static_cast<double>(out.before[layer]);
  return out;
}

nlohmann::ordered_json to_json(const BudgetPlan& plan) {
  nlohmann::ordered_json kinds;
  for (const auto& [name, kind] : plan.kinds)
    kinds[name] = {{"samples", kind.samples}, {"loss", kind.loss}, {"log_prob", kind.log_prob}};
  return {{"before", plan.before}, {"kinds", std::move(kinds)}, {"effect", plan.effect},
          {"error", plan.error},   {"index_topk", plan.after},  {"expected_change", plan.expected}};
}

std::string to_text(const BudgetPlan& plan) {
  std::string out =
      fmt::format("what selecting costs, nats a token\n  {:<16}  samples        KL  log-prob\n", "");
  for (const auto& [name, kind] : plan.kinds)
    out +=
        fmt::format("  {:<16}  {:>7}  {:>8.4f}  {:>+8.4f}\n", name, kind.samples, kind.loss, kind.log_prob);
  out += "\n  layer   before    after  twice against half, % of the cost\n";
  for (std::size_t layer = 0; layer < plan.before.size(); ++layer)
    out += fmt::format("  {:>5}  {:>7}  {:>7}  {:>+8.2f} (+- {:.2f})\n", layer, plan.before[layer],
                       plan.after[layer], 100 * plan.effect[layer], 100 * plan.error[layer]);
  return out + fmt::format("\nexpected of the division: {:+.1f} % of the cost\n", 100 * plan.expected);
}

std::string to_html(const BudgetPlan& plan, const std::vector<std::pair<std::string, std::string>>& about) {
  std::string body = "<h1>Selected tokens by layer</h1>\n<table>\n";
  const auto row = [&](const std::string& what, const std::string& value) {
    body += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html_escaped(what), html_escaped(value));
  };
  for (const auto& [what, value] : about) row(what, value);
  for (const auto& [name, kind] : plan.kinds)
    row(fmt::format("{}: what selecting costs", name),
        fmt::format("KL {:.4f}, log-probability {:+.4f} nats a token, {} samples", kind.loss, kind.log_prob,
                    kind.samples));
  row("expected change of that", fmt::format("{:+.1f} %", 100 * plan.expected));
  body += "</table>\n";
  body += svg_bars("Selected tokens, by layer", "layer", {plan.after.begin(), plan.after.end()});
  Curve effect{.label = "measured", .points = {}}, low{.label = "two standard errors", .points = {}},
      top{.label = "", .points = {}};
  for (std::size_t layer = 0; layer < plan.effect.size(); ++layer) {
    const double x = static_cast<double>(layer), y = 100 * plan.effect[layer], two = 200 * plan.error[layer];
    effect.points.emplace_back(x, y);
    low.points.emplace_back(x, y - two);
    top.points.emplace_back(x, y + two);
  }
  body +=
      svg_plot("Twice as many tokens in that layer against half as many: change of the cost of selecting, %",
               "layer", {effect, low, top}, Scale::linear);
  return html_page("dsa eval budget", body);
}

}  // namespace dsa
