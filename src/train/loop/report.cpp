#include "train/loop/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "base/svg_plot.h"

namespace dsa::train {
namespace {

/// nullopt: the record has no such number.
using Value = std::function<std::optional<double>(const StepRecord&)>;
enum class Records : std::uint8_t { steps, looks };

Curve curve_of(const TrainLog& log, const char* label, Records which, const Value& value) {
  Curve out{.label = label, .points = {}};
  for (const StepRecord& r : log.records())
    if (r.held_out == (which == Records::looks))
      if (const auto y = value(r)) out.points.emplace_back(static_cast<double>(r.tokens), *y);
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
    if (last.indexer.kl > 0)
      out += row("KL of the last document", fmt::format("{:.4f} nats", last.indexer.kl));
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
    Records which;
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
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  const TrainLog& log_;
};

Value of_indexer(double IndexerRecord::*member) {
  return [member](const StepRecord& r) { return r.indexer.*member; };
}
Value percent_kept(double KeptAttention::*member) {
  return [member](const StepRecord& r) {
    return r.indexer.kept ? std::optional(100 * (*r.indexer.kept).*member) : std::nullopt;
  };
}
Value of_main(double MainRecord::*member) {
  return [member](const StepRecord& r) { return r.main ? std::optional((*r.main).*member) : std::nullopt; };
}
// A loss that not every training has: 0 where there is none.
Value of_main_loss(double MainRecord::*member) {
  return [member](const StepRecord& r) {
    return r.main && (*r.main).*member > 0 ? std::optional((*r.main).*member) : std::nullopt;
  };
}
Value of_reward(double RewardRecord::*member) {
  return
      [member](const StepRecord& r) { return r.reward ? std::optional((*r.reward).*member) : std::nullopt; };
}
// Where there is a judge.
Value of_judged(double RewardRecord::*member) {
  return [member](const StepRecord& r) {
    return r.reward && r.reward->judged > 0 ? std::optional((*r.reward).*member) : std::nullopt;
  };
}
Value percent_of_domain(std::size_t i) {
  return [i](const StepRecord& r) {
    return r.reward && i < r.reward->domains.size() ? std::optional(100 * r.reward->domains[i].second)
                                                    : std::nullopt;
  };
}
Value of_experts(double ExpertRecord::*member) {
  return [member](const StepRecord& r) {
    return r.experts ? std::optional((*r.experts).*member) : std::nullopt;
  };
}

void add_reward_plots(const TrainLog& log, Page& page) {
  using enum Records;
  std::vector<Page::Line> domains;
  for (const StepRecord& r : log.records())
    if (r.reward)
      for (std::size_t i = domains.size(); i < r.reward->domains.size(); ++i)
        domains.push_back({r.reward->domains[i].first.c_str(), steps, percent_of_domain(i)});
  page.plot("Mean reward", {{"", steps, of_reward(&RewardRecord::reward)}}, Scale::linear);
  page.plot("Solved, %", domains, Scale::linear);
  page.plot("Share of groups whose rewards differ, and of episodes without an end",
            {{"groups that differ", steps, of_reward(&RewardRecord::signal)},
             {"without an end", steps, of_reward(&RewardRecord::cut)}},
            Scale::linear);
  page.plot("Tokens written in an episode", {{"", steps, of_reward(&RewardRecord::written)}}, Scale::linear);
  page.plot("Share of the words that are of the language wanted",
            {{"", steps, of_reward(&RewardRecord::language)}}, Scale::linear);
  page.plot("The rubric: what the judge makes of the answers, and what is true",
            {{"judge", steps, of_judged(&RewardRecord::judged)},
             {"rules", steps, of_judged(&RewardRecord::rubric)}},
            Scale::linear);
  page.plot("Entropy, nats a token", {{"", steps, of_reward(&RewardRecord::entropy)}}, Scale::linear);
  page.plot("KL to the reference, nats a token", {{"", steps, of_reward(&RewardRecord::kl)}}, Scale::linear);
  page.plot("Largest difference of a log-probability, in training and as it was sampled",
            {{"", steps, of_reward(&RewardRecord::mismatch)}}, Scale::logarithmic);
  page.plot("Share of tokens that are clipped, of episodes that are masked",
            {{"clipped", steps, of_reward(&RewardRecord::clipped)},
             {"masked", steps, of_reward(&RewardRecord::masked)}},
            Scale::linear);
}

}  // namespace

std::string html_report(const ReportSubject& subject, const TrainLog& log) {
  Page page(fmt::format("<h1>{}</h1>\n{}", subject.title, summary(subject, log)), log);
  using enum Records;
  add_reward_plots(log, page);
  page.plot("Language-model loss, nats a token",
            {{"training", steps, of_main_loss(&MainRecord::language_model)},
             {"held out", looks, of_main_loss(&MainRecord::language_model)},
             {"held out, attending to everything", looks, of_main_loss(&MainRecord::dense)}},
            Scale::linear);
  page.plot("Loss of the token after the next, nats a token",
            {{"training", steps, of_main_loss(&MainRecord::mtp)},
             {"held out", looks, of_main_loss(&MainRecord::mtp)}},
            Scale::linear);
  page.plot("Tokens of the busiest and the idlest expert, times a fair share",
            {{"busiest", steps, of_experts(&ExpertRecord::busiest)},
             {"idlest", steps, of_experts(&ExpertRecord::idlest)}},
            Scale::linear);
  page.plot("KL(teacher || model), nats a token", {{"", steps, of_main_loss(&MainRecord::distill)}},
            Scale::logarithmic);
  page.plot("KL(attention || index scores), nats, mean over layers",
            {{"training", steps, of_indexer(&IndexerRecord::kl)},
             {"held out", looks, of_indexer(&IndexerRecord::kl)}},
            Scale::logarithmic);
  page.plot("Attention that the selection keeps, %",
            {{"indexer", steps, percent_kept(&KeptAttention::indexer)},
             {"best possible", steps, percent_kept(&KeptAttention::best)}},
            Scale::linear);
  page.plot("The worst layer: share of its best possible selection, %",
            {{"worst layer", steps, percent_kept(&KeptAttention::worst_layer)}}, Scale::linear);
  const auto last = std::find_if(log.records().rbegin(), log.records().rend(),
                                 [](const StepRecord& r) { return !r.held_out; });
  if (last != log.records().rend())
    page.add(svg_bars("KL by layer, last document", "layer", last->indexer.layer_kl));
  page.plot("Context, tokens",
            {{"", steps, [](const StepRecord& r) { return static_cast<double>(r.context); }}}, Scale::linear);
  page.plot("Learning rate of the main weights", {{"", steps, of_main(&MainRecord::learning_rate)}},
            Scale::linear);
  page.plot("Gradient norm of the main weights, before clipping",
            {{"", steps, of_main(&MainRecord::gradient_norm)}}, Scale::logarithmic);
  page.plot("Learning rate of the indexer", {{"", steps, of_indexer(&IndexerRecord::learning_rate)}},
            Scale::linear);
  page.plot("Largest gradient norm of a layer's indexer, before clipping",
            {{"", steps, of_indexer(&IndexerRecord::gradient_norm)}}, Scale::logarithmic);
  page.plot("Speed, tokens a second",
            {{"", steps,
              [](const StepRecord& r) {
                return r.seconds > 0 ? static_cast<double>(r.step_tokens()) / r.seconds : 0;
              }}},
            Scale::linear);
  return html_page(subject.command, page.text());
}

}  // namespace dsa::train
