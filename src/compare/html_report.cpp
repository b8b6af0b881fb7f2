#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/svg_plot.h"
#include "compare/report.h"

namespace dsa::compare {
namespace {

std::string cells_row(std::initializer_list<std::string> texts) {
  std::string out = "<tr>";
  for (const std::string& text : texts) out += "<td>" + html_escaped(text) + "</td>";
  return out + "</tr>\n";
}

std::string group_html(const Group& group) {
  std::string out = fmt::format("<h2>{}</h2>\n<p>{} prompts; the same word for word: {}.</p>\n<table>\n",
                                html_escaped(group.set), group.prompts, group.equal);
  out += cells_row({"mean", "A", "B", "B - A [95 %]", "pairs"});
  const auto mean = [](const Row& row, double value, const std::optional<Interval>& interval) {
    std::string text = fmt::format("{:.{}f}", value, row.metric.digits);
    if (interval) text += fmt::format(" [{:.2f}, {:.2f}]", interval->low, interval->high);
    return text;
  };
  for (const Row& row : group.rows)
    out +=
        cells_row({std::string(row.metric.title), mean(row, row.a, row.a_interval),
                   mean(row, row.b, row.b_interval), difference_text(row), fmt::to_string(row.difference.n)});
  return out + "</table>\n";
}

// How many prompts have a figure up to x, of each side: what is shorter or faster lies to the left.
std::string spread_plot(const Titles& titles, std::span<const Result> results, const Metric& metric) {
  std::vector<Curve> curves;
  for (const bool second : {false, true}) {
    std::vector<double> values;
    for (const Result& result : results) {
      const Figures& figures = (second ? result.b : result.a).figures;
      if (const auto found = figures.find(metric.name); found != figures.end())
        values.push_back(found->second);
    }
    if (values.size() < 2) return "";
    std::ranges::sort(values);
    Curve curve{.label = second ? "B " + titles.b : "A " + titles.a, .points = {}};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto all = static_cast<double>(values.size());
      curve.points.emplace_back(values[i], static_cast<double>(i) / all);
      curve.points.emplace_back(values[i], static_cast<double>(i + 1) / all);
    }
    curves.push_back(std::move(curve));
  }
  return svg_plot(fmt::format("Share of prompts with at most so many: {}", metric.title),
                  std::string(metric.title), curves, Scale::linear);
}

// The mean score by how long ago was told what is asked for.
std::string memory_plot(const Titles& titles, std::span<const Result> results) {
  std::vector<Curve> curves;
  for (const bool second : {false, true}) {
    std::map<std::int64_t, std::pair<double, double>> sums;
    for (const Result& result : results) {
      const Figures& figures = (second ? result.b : result.a).figures;
      const auto score = figures.find("score");
      if (!result.turns_ago || score == figures.end()) continue;
      auto& [sum, n] = sums[*result.turns_ago];
      sum += score->second;
      n += 1;
    }
    if (sums.size() < 2) return "";
    Curve curve{.label = second ? "B " + titles.b : "A " + titles.a, .points = {}};
    for (const auto& [ago, sum] : sums)
      curve.points.emplace_back(static_cast<double>(ago), sum.first / sum.second);
    curves.push_back(std::move(curve));
  }
  return svg_plot("Mean score by how many turns ago it was told", "turns ago", curves, Scale::linear);
}

std::string side_html(char which, const std::string& title, const SideResult& side) {
  std::string figures;
  for (const Metric& metric : metrics())
    if (const auto found = side.figures.find(metric.name); found != side.figures.end())
      figures += fmt::format("{}{} {:.{}f}", figures.empty() ? "" : "; ", metric.title, found->second,
                             metric.digits);
  std::string out =
      fmt::format("<h4>{} {}</h4>\n<p>{}</p>\n", which, html_escaped(title), html_escaped(figures));
  if (!side.code.empty()) out += fmt::format("<p>Its code: {}</p>\n", html_escaped(side.code));
  return out + fmt::format("<pre dir=\"auto\">{}</pre>\n", html_escaped(side.text));
}

std::string prompt_html(const Titles& titles, const Result& r) {
  constexpr std::size_t kShown = 1500;
  std::string asked = r.asked.substr(0, kShown);
  while (asked.size() < r.asked.size() && !asked.empty() && (asked.back() & 0x80) != 0) asked.pop_back();
  if (asked.size() < r.asked.size()) asked += " ...";
  const std::string differs = r.first_difference
                                  ? fmt::format("they differ first at word {}", *r.first_difference + 1)
                                  : "the same word for word";
  std::string out = fmt::format("<details><summary>{}: {}</summary>\n<pre dir=\"auto\">{}</pre>\n",
                                html_escaped(r.id), differs, html_escaped(asked));
  if (r.judgement)
    out += fmt::format("<p>Judge: {} with A first, {} with B first.</p>\n", name(r.judgement->a_first),
                       name(r.judgement->b_first));
  return out + side_html('A', titles.a, r.a) + side_html('B', titles.b, r.b) + "</details>\n";
}

}  // namespace

std::string to_html(const Titles& titles, std::span<const Result> results, const Summary& summary) {
  std::string body = fmt::format(
      "<style>pre{{white-space:pre-wrap;background:#f6f8fa;padding:.5em 1em}}h4{{margin:.5em 0}}</style>\n"
      "<h1>A: {}<br>B: {}</h1>\n<p>{}. Means over prompts; the difference is paired, with Student's 95 % "
      "interval; shares with "
      "Wilson's.</p>\n",
      html_escaped(titles.a), html_escaped(titles.b), html_escaped(titles.about));
  if (summary.judge) body += "<p>" + html_escaped(judge_text(titles, *summary.judge)) + "</p>\n";
  for (auto group = summary.groups.rbegin(); group != summary.groups.rend(); ++group)
    body += group_html(*group);
  body += "<h2>Plots</h2>\n";
  for (const Metric& metric : metrics())
    if (!metric.yes_no) body += spread_plot(titles, results, metric);
  body += memory_plot(titles, results);
  body += "<h2>Prompts</h2>\n";
  for (const Result& result : results) body += prompt_html(titles, result);
  return html_page(fmt::format("dsa compare: {} and {}", titles.a, titles.b), body);
}

}  // namespace dsa::compare
