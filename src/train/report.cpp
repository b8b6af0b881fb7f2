#include "train/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "train/svg_plot.h"

namespace dsa::train {
namespace {

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#1f2328}"
    "svg{width:100%;margin:.5em 0}svg text{font-size:11px;fill:#57606a}svg "
    ".title{font-size:14px;fill:#1f2328}"
    "svg .grid{stroke:#d0d7de;stroke-width:.5}table{border-collapse:collapse}td{padding:.15em 1em .15em 0}";

using Value = std::function<double(const StepRecord&)>;

enum class Which : std::uint8_t { steps, steps_with_recall, held_out };

Curve curve_of(const TrainLog& log, const char* label, Which which, const Value& value) {
  Curve out{.label = label, .points = {}};
  for (const StepRecord& r : log.records()) {
    const bool wanted = which == Which::held_out
                            ? r.held_out
                            : !r.held_out && (which == Which::steps || r.recall.has_value());
    if (wanted) out.points.emplace_back(static_cast<double>(r.tokens), value(r));
  }
  return out;
}

std::string row(const char* what, const std::string& value) {
  return fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", what, html_escaped(value));
}

std::string summary(const std::string& model, const Checkpoint& c, const TrainLog& log) {
  const Progress& p = c.progress;
  std::string out = "<table>\n";
  out += row("model", model) +
         row("tokens",
             fmt::format("{} of {}", p.tokens, p.budget > 0 ? std::to_string(p.budget) : "(not known yet)"));
  out +=
      row("steps", std::to_string(p.step)) + row("time", fmt::format("{:.1f} minutes", log.elapsed() / 60));
  if (!log.records().empty())
    out += row("KL of the last document", fmt::format("{:.4f} nats", log.records().back().kl));
  for_each_setting(c.settings,
                   [&](const char* name, const auto& value) { out += row(name, fmt::format("{}", value)); });
  out += row("training text, SHA-256", c.identity.corpus) + row("model's fingerprint", c.identity.model);
  return out + "</table>\n";
}

}  // namespace

std::string html_report(const std::string& model, const Checkpoint& checkpoint, const TrainLog& log) {
  const auto kl = [](const StepRecord& r) { return r.kl; };
  const auto tokens_per_second = [](const StepRecord& r) {
    return r.seconds > 0 ? static_cast<double>(r.context) / r.seconds : 0;
  };
  const auto recall = [](auto member) {
    return [member](const StepRecord& r) { return r.recall ? 100 * (*r.recall).*member : 0; };
  };
  std::vector<Curve> losses{curve_of(log, "training", Which::steps, kl),
                            curve_of(log, "held out", Which::held_out, kl)};
  if (losses.back().points.empty()) losses.pop_back();

  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>dsa train "
      "indexer</title>\n<style>";
  out += kStyle;
  out += "</style></head><body>\n<h1>Indexer warm-up</h1>\n" + summary(model, checkpoint, log);
  out +=
      svg_plot("KL(attention || index scores), nats, mean over layers", "tokens", losses, Scale::logarithmic);
  out += svg_plot("Attention that the selection keeps, %", "tokens",
                  {curve_of(log, "indexer", Which::steps_with_recall, recall(&PassSummary::recall)),
                   curve_of(log, "best possible", Which::steps_with_recall, recall(&PassSummary::best))},
                  Scale::linear);
  out += svg_plot("The worst layer: share of its best possible selection, %", "tokens",
                  {curve_of(log, "worst layer", Which::steps_with_recall, recall(&PassSummary::worst_layer))},
                  Scale::linear);
  const auto last = std::find_if(log.records().rbegin(), log.records().rend(),
                                 [](const StepRecord& r) { return !r.held_out; });
  if (last != log.records().rend()) out += svg_bars("KL by layer, last document", "layer", last->layer_kl);
  out += svg_plot(
      "Context, tokens", "tokens",
      {curve_of(log, "", Which::steps, [](const StepRecord& r) { return static_cast<double>(r.context); })},
      Scale::linear);
  out += svg_plot("Learning rate", "tokens",
                  {curve_of(log, "", Which::steps, [](const StepRecord& r) { return r.learning_rate; })},
                  Scale::linear);
  out += svg_plot("Largest gradient norm of a layer, before clipping", "tokens",
                  {curve_of(log, "", Which::steps, [](const StepRecord& r) { return r.gradient_norm; })},
                  Scale::logarithmic);
  out += svg_plot("Speed, tokens a second", "tokens", {curve_of(log, "", Which::steps, tokens_per_second)},
                  Scale::linear);
  return out + "</body></html>\n";
}

}  // namespace dsa::train
