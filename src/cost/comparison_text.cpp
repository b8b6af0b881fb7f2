#include <fmt/format.h>

#include "base/error.h"
#include "cost/comparison.h"
#include "cost/figures.h"

namespace dsa::cost {
namespace {

std::string service_text(const OwnCost& cost, const Workload& w) {
  const auto service = [&](const auto& what) {
    return figures(cost.own, [&](const Own& own) { return what(own.service); });
  };
  const auto clients = [](const Service& s) { return static_cast<double>(s.clients); };
  const auto machines = [](const Own& own) { return static_cast<double>(own.machines); };
  std::string out = fmt::format("{}, one machine\n", cost.attention);
  out += fmt::format("  first token            {} s (within {} s)\n",
                     service([](const Service& s) { return s.ttft_s; }), figure(w.ttft_s));
  out +=
      fmt::format("  each further token     {} ms (within {} ms), {} at once\n",
                  service([](const Service& s) { return s.tpot_ms; }), figure(w.tpot_ms), service(clients));
  out += fmt::format("  within these targets   {} million tokens a day\n",
                     service([](const Service& s) { return s.tokens_a_day / 1e6; }));
  out += fmt::format(
      "  machines for all       {}{}\n", figures(cost.own, machines),
      cost.own.middle.service.meets_target ? "" : ", which answer late: the targets are out of reach");
  return out;
}

std::string yearly_text(const OwnCost& cost) {
  const auto year = [&](const auto& what) {
    return figures(cost.own, [&](const Own& own) { return what(own.yearly); });
  };
  std::string out = fmt::format("{}, $ a year\n", cost.attention);
  out += fmt::format("  machines      {}\n", year([](const Yearly& y) { return y.machines; }));
  out += fmt::format("  electricity   {}\n", year([](const Yearly& y) { return y.electricity; }));
  out += fmt::format("  hosting       {}\n", year([](const Yearly& y) { return y.hosting; }));
  out += fmt::format("  staff         {}\n", year([](const Yearly& y) { return y.staff; }));
  out += fmt::format("  three years   {}\n", year([](const Yearly& y) { return 3 * y.total(); }));
  return out;
}

std::string million_line(std::string_view name, const OwnCost& cost, PerKind Own::*which) {
  const auto kind = [&](double PerKind::*of) {
    return figures(cost.own, [&](const Own& own) { return own.*which.*of; });
  };
  return fmt::format("  {:<36} {:<24} {:<24} {}\n", name, kind(&PerKind::hit), kind(&PerKind::miss),
                     kind(&PerKind::output));
}

std::string per_million_text(const Comparison& c) {
  std::string out = fmt::format("{:<38} {:<24} {:<24} {}\n", "$ a million tokens", "hit", "miss", "output");
  for (const OwnCost& cost : c.own) {
    out += million_line(cost.attention + ", this workload", cost, &Own::per_million);
    out += million_line(cost.attention + ", a machine fully used", cost, &Own::per_million_full);
  }
  for (const ApiCost& api : c.apis)
    out += fmt::format("  {:<36} {:<24} {:<24} {}\n",
                       fmt::format("{} ({})", printable(api.price.name), printable(api.price.date)),
                       api.price.hit ? figure(*api.price.hit) : "as a miss", figure(api.price.miss),
                       figure(api.price.output));
  return out;
}

std::string break_even_text(const Comparison& c) {
  std::string out = fmt::format("{:<38} {:<24}", "against an API", "its $, three years");
  for (const OwnCost& cost : c.own) out += fmt::format(" {:<28}", "pays from, " + cost.attention);
  out += "\n";
  for (const ApiCost& api : c.apis) {
    out += fmt::format("  {:<36} {:<24}", printable(api.price.name), figure(3 * api.yearly));
    for (const auto& corners : api.break_even)
      out += fmt::format(" {:<28}", figures(corners, [](const auto& requests) { return requests; }));
    out += "\n";
  }
  return out + "  (pays from: requests a day)\n";
}

}  // namespace

std::string to_text(const Comparison& c) {
  std::string out = fmt::format("speed     {}\nmachine   {}\nworkload  {}\nstaff     {}\n", c.source,
                                printable(c.settings.machine.name), workload_text(c.settings.workload),
                                staff_text(c.settings));
  out += "Figures: the middle [cheapest - dearest] of all ranges.\n\n";
  for (const OwnCost& cost : c.own) out += service_text(cost, c.settings.workload) + "\n";
  for (const OwnCost& cost : c.own) out += yearly_text(cost) + "\n";
  out += per_million_text(c);
  if (!c.apis.empty()) out.append("\n").append(break_even_text(c));
  return out;
}

}  // namespace dsa::cost
