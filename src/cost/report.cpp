#include "cost/report.h"

#include <fmt/format.h>

#include <cmath>

#include "base/svg_plot.h"
#include "cost/figures.h"
#include "cost/settings_toml.h"

namespace dsa::cost {
namespace {

constexpr int kSteps = 100;

using Plots = std::vector<dsa::Curve>;

// Dollars a million of one's own machine, fully used, by the position of a token.
std::string plot_by_position(const Comparison& c, const Speeds& speeds, bool reading) {
  const Workload& w = c.settings.workload;
  const double prompt = w.prompt_tokens.value(), answer = w.answer_tokens.value();
  Plots plots;
  for (std::size_t i = 0; i < speeds.kinds.size(); ++i) {
    const Own& own = c.own[i].own.middle;
    const SpeedAt speed = at(speeds.kinds[i], Corner::middle);
    const double usd_s = own.per_million_full.output / own.service.seconds.output;  // and million tokens
    const double gain = speed.decode.mean(prompt, prompt + answer) / own.service.seconds.output;
    dsa::Curve curve{.label = speeds.kinds[i].attention, .points = {}};
    for (const Point& point : (reading ? speed.prefill : speed.decode).points())
      curve.points.emplace_back(point.position, point.seconds * usd_s / (reading ? 1 : gain));
    plots.push_back(std::move(curve));
  }
  return svg_plot(fmt::format("$ a million tokens {}, a machine fully used", reading ? "read" : "written"),
                  "position, tokens", plots, Scale::linear);
}

// Dollars a year, from a hundredth of the workload's requests to a hundred times as many.
std::string plot_by_volume(const Comparison& c, const Speed& of) {
  const double asked = c.settings.workload.requests_a_day.value();
  Plots plots;
  const auto add = [&](std::string label, const auto& usd) {
    dsa::Curve curve{.label = std::move(label), .points = {}};
    for (int i = 0; i <= kSteps; ++i) {
      const double requests = asked * std::pow(10, 4.0 * i / kSteps - 2);
      curve.points.emplace_back(requests, usd(requests));
    }
    plots.push_back(std::move(curve));
  };
  constexpr std::pair<Corner, const char*> kCorners[] = {
      {Corner::cheap, "cheapest"}, {Corner::middle, "middle"}, {Corner::dear, "dearest"}};
  for (const auto& [corner, word] : kCorners) {
    const Settings settings = at(c.settings, corner);
    const Service service = serve(settings, at(of, corner));
    add(fmt::format("own, {}", word), [&](double requests) {
      return yearly(settings, service.request_s, requests, machines_for(service, requests)).total();
    });
  }
  const Settings middle = at(c.settings, Corner::middle);
  for (const ApiCost& api : c.apis)
    add(api.price.name, [&](double requests) { return api_yearly(middle, api.price, requests); });
  return svg_plot(fmt::format("$ a year, {}", of.attention), "requests a day", plots, Scale::logarithmic,
                  Scale::logarithmic);
}

std::string row(const std::string& head, const std::string& text) {
  return fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html_escaped(head), html_escaped(text));
}

std::string decision(const Comparison& c) {
  const Workload& w = c.settings.workload;
  std::string out = "<table>\n";
  for (const OwnCost& cost : c.own) {
    const auto three_years = [](const Own& own) { return 3 * own.yearly.total(); };
    out += row("Cost, own, " + cost.attention,
               figures(cost.own, three_years) + " $ in three years, staff included");
  }
  for (const ApiCost& api : c.apis)
    out += row("Cost, " + api.price.name, figure(3 * api.yearly) + " $ in three years");
  for (const OwnCost& cost : c.own)
    out += row("Latency, own, " + cost.attention,
               fmt::format(
                   "first token {} s (within {}), each further {} ms (within {})",
                   figures(cost.own, [](const Own& own) { return own.service.ttft_s; }), figure(w.ttft_s),
                   figures(cost.own, [](const Own& own) { return own.service.tpot_ms; }), figure(w.tpot_ms)));
  const Decision& d = c.settings.decision;
  out += row("Where the data lies", d.data) + row("Control", d.control) +
         row("Vendor change", d.vendor_change) + row("Effort", staff_text(c.settings) + ". " + d.effort);
  return out + "</table>\n";
}

std::string cells(const std::vector<std::string>& texts) {
  std::string out = "<tr>";
  for (const std::string& text : texts) out += "<td>" + html_escaped(text) + "</td>";
  return out + "</tr>\n";
}

std::string break_even_table(const Comparison& c) {
  std::vector<std::string> head{"API", "as of", "$ a million: hit", "miss", "output"};
  for (const OwnCost& cost : c.own) head.push_back("own, " + cost.attention + ", pays from, requests a day");
  std::string out = "<table>\n" + cells(head);
  for (const ApiCost& api : c.apis) {
    std::vector<std::string> texts{api.price.name, api.price.date,
                                   api.price.hit ? figure(*api.price.hit) : "as a miss",
                                   figure(api.price.miss), figure(api.price.output)};
    for (const auto& corners : api.break_even)
      texts.push_back(figures(corners, [](const auto& requests) { return requests; }));
    out += cells(texts);
  }
  return out + "</table>\n";
}

std::string assumptions(Settings settings) {
  std::string out = "<table>\n";
  for (const Setting& setting : list_settings(settings)) {
    std::string* const* text = std::get_if<std::string*>(&setting.value);
    out += cells({fmt::format("{}.{}", setting.table, setting.key),
                  text != nullptr ? **text : range_as_toml(*std::get<Range*>(setting.value)),
                  std::string(setting.help)});
  }
  return out + "</table>\n";
}

}  // namespace

std::string report_html(const Comparison& c, const Speeds& speeds) {
  std::string body =
      fmt::format("<h1>{}</h1>\n<p>{}.</p>\n<p>{}.</p>\n", html_escaped(c.settings.machine.name),
                  html_escaped(c.source), html_escaped(workload_text(c.settings.workload)));
  body += "<p>Figures: the middle [cheapest - dearest] of all ranges.</p>\n<h2>To decide</h2>\n";
  body += decision(c);
  body += "<h2>Against an API</h2>\n" + break_even_table(c);
  for (const Speed& speed : speeds.kinds) body += plot_by_volume(c, speed);
  body += "<h2>By position</h2>\n" + plot_by_position(c, speeds, /*reading=*/true) +
          plot_by_position(c, speeds, /*reading=*/false);
  body +=
      "<h2>Assumptions</h2>\n<p>Each is a key of the file that <code>dsa cost --print-config</code> "
      "writes.</p>\n";
  return html_page("dsa cost: " + c.settings.machine.name, body + assumptions(c.settings));
}

}  // namespace dsa::cost
