#include "train/loop/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "train/loop/svg_plot.h"

namespace dsa::train {
namespace {

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#1f2328}"
    "svg{width:100%;margin:.5em 0}svg text{font-size:11px;fill:#57606a}"
    "svg .title{font-size:14px;fill:#1f2328}"
    "svg .grid{stroke:#d0d7de;stroke-width:.5}table{border-collapse:collapse}td{padding:.15em 1em .15em 0}";

using Value = std::function<double(const StepRecord&)>;

enum class Which : std::uint8_t {
  steps,
  steps_with_recall,
  steps_with_main,
  steps_with_experts,
  held_out,
  held_out_with_main,
  held_out_with_dense
};

bool is(Which which, const StepRecord& r) {
  switch (which) {
    case Which::steps:
      return !r.held_out;
    case Which::steps_with_recall:
      return !r.held_out && r.recall.has_value();
    case Which::held_out:
      return r.held_out;
    case Which::steps_with_main:
      return !r.held_out && r.main.has_value();
    case Which::steps_with_experts:
      return !r.held_out && r.experts.has_value();
    case Which::held_out_with_dense:
      return r.held_out && r.main && r.main->dense > 0;
    case Which::held_out_with_main:
      return r.held_out && r.main.has_value();
  }
  return false;
}

Curve curve_of(const TrainLog& log, const char* label, Which which, const Value& value) {
  Curve out{.label = label, .points = {}};
  for (const StepRecord& r : log.records())
    if (is(which, r)) out.points.emplace_back(static_cast<double>(r.tokens), value(r));
  return out;
}

std::string row(const std::string& what, const std::string& value) {
  return fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html_escaped(what), html_escaped(value));
}

std::string summary(const ReportSubject& subject, const TrainLog& log) {
  const Progress& p = subject.progress;
  std::string out = "<table>\n";
  out += row("model", subject.model) +
         row("tokens",
             fmt::format("{} of {}", p.tokens, p.budget > 0 ? std::to_string(p.budget) : "(not known yet)"));
  out +=
      row("steps", std::to_string(p.step)) + row("time", fmt::format("{:.1f} minutes", log.elapsed() / 60));
  if (!log.records().empty()) {
    const StepRecord& last = log.records().back();
    if (last.kl > 0) out += row("KL of the last document", fmt::format("{:.4f} nats", last.kl));
    if (last.main)
      out += row("language-model loss of the last document",
                 fmt::format("{:.4f} nats a token", last.main->language_model));
  }
  for (const auto& [name, value] : subject.settings) out += row(name, value);
  out += row("training text, SHA-256", subject.identity.corpus) +
         row("model's fingerprint", subject.identity.model);
  return out + "</table>\n";
}

/// Appends plots; those without a point are left out.
class Page {
 public:
  Page(std::string head, const TrainLog& log) : text_(std::move(head)), log_(log) {}

  struct Line {
    const char* label;
    Which which;
    Value value;
  };
  void plot(const char* title, const std::vector<Line>& lines, Scale scale) {
    std::vector<Curve> curves;
    for (const Line& line : lines)
      if (auto curve = curve_of(log_, line.label, line.which, line.value); !curve.points.empty())
        curves.push_back(std::move(curve));
    if (!curves.empty()) text_ += svg_plot(title, "tokens", curves, scale);
  }
  void add(const std::string& text) { text_ += text; }
  [[nodiscard]] std::string finish() && { return std::move(text_) + "</body></html>\n"; }

 private:
  std::string text_;
  const TrainLog& log_;
};

Value of_recall(double PassSummary::*member) {
  return [member](const StepRecord& r) { return r.recall ? 100 * (*r.recall).*member : 0; };
}
Value of_main(double MainRecord::*member) {
  return [member](const StepRecord& r) { return r.main ? (*r.main).*member : 0; };
}

}  // namespace

std::string html_report(const ReportSubject& subject, const TrainLog& log) {
  Page page(fmt::format("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\n"
                        "<style>{}</style></head><body>\n<h1>{}</h1>\n{}",
                        subject.command, kStyle, subject.title, summary(subject, log)),
            log);
  const auto any = [&](const Value& value) {
    return std::ranges::any_of(log.records(), [&](const StepRecord& r) { return value(r) > 0; });
  };
  const Value dense = of_main(&MainRecord::dense), mtp = of_main(&MainRecord::mtp);
  std::vector<Page::Line> loss{{"training", Which::steps_with_main, of_main(&MainRecord::language_model)},
                               {"held out", Which::held_out_with_main, of_main(&MainRecord::language_model)}};
  if (any(dense)) loss.push_back({"held out, attending to everything", Which::held_out_with_dense, dense});
  page.plot("Language-model loss, nats a token", loss, Scale::linear);
  if (any(mtp))
    page.plot("Loss of the token after the next, nats a token",
              {{"training", Which::steps_with_main, mtp}, {"held out", Which::held_out_with_main, mtp}},
              Scale::linear);
  page.plot("Tokens of the busiest and the idlest expert, times a fair share",
            {{"busiest", Which::steps_with_experts, [](const StepRecord& r) { return r.experts->busiest; }},
             {"idlest", Which::steps_with_experts, [](const StepRecord& r) { return r.experts->idlest; }}},
            Scale::linear);
  const Value distill = of_main(&MainRecord::distill);
  if (any(distill))
    page.plot("KL(teacher || model), nats a token", {{"", Which::steps_with_main, distill}},
              Scale::logarithmic);
  const Value kl = [](const StepRecord& r) { return r.kl; };
  page.plot("KL(attention || index scores), nats, mean over layers",
            {{"training", Which::steps, kl}, {"held out", Which::held_out, kl}}, Scale::logarithmic);
  page.plot("Attention that the selection keeps, %",
            {{"indexer", Which::steps_with_recall, of_recall(&PassSummary::recall)},
             {"best possible", Which::steps_with_recall, of_recall(&PassSummary::best)}},
            Scale::linear);
  page.plot("The worst layer: share of its best possible selection, %",
            {{"worst layer", Which::steps_with_recall, of_recall(&PassSummary::worst_layer)}}, Scale::linear);
  const auto last = std::find_if(log.records().rbegin(), log.records().rend(),
                                 [](const StepRecord& r) { return !r.held_out; });
  if (last != log.records().rend()) page.add(svg_bars("KL by layer, last document", "layer", last->layer_kl));
  page.plot("Context, tokens",
            {{"", Which::steps, [](const StepRecord& r) { return static_cast<double>(r.context); }}},
            Scale::linear);
  page.plot("Learning rate of the main weights",
            {{"", Which::steps_with_main, of_main(&MainRecord::learning_rate)}}, Scale::linear);
  page.plot("Gradient norm of the main weights, before clipping",
            {{"", Which::steps_with_main, of_main(&MainRecord::gradient_norm)}}, Scale::logarithmic);
  page.plot("Learning rate of the indexer",
            {{"", Which::steps, [](const StepRecord& r) { return r.learning_rate; }}}, Scale::linear);
  page.plot("Largest gradient norm of a layer's indexer, before clipping",
            {{"", Which::steps, [](const StepRecord& r) { return r.gradient_norm; }}}, Scale::logarithmic);
  page.plot("Speed, tokens a second",
            {{"", Which::steps,
              [](const StepRecord& r) {
                return r.seconds > 0 ? static_cast<double>(r.step_tokens()) / r.seconds : 0;
              }}},
            Scale::linear);
  return std::move(page).finish();
}

std::string html_report(const std::string& model, const WarmupCheckpoint& checkpoint, const TrainLog& log) {
  return html_report({.title = "Indexer warm-up",
                      .command = "dsa train indexer",
                      .model = model,
                      .progress = checkpoint.progress,
                      .identity = checkpoint.identity,
                      .settings = settings_rows(checkpoint.settings)},
                     log);
}

}  // namespace dsa::train
