#include "cost/hardware_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cost/figures.h"

namespace dsa::cost {
namespace {

using Json = nlohmann::ordered_json;

DevicesNeeded needed(const ModelShape& model, const Hardware& machine, std::string attention,
                     std::int64_t topk) {
  Settings settings;
  settings.machine = machine;
  const auto at_corner = [&](Corner corner) -> std::optional<double> {
    const auto devices = devices_for(model, at(settings, corner).machine, topk, kAnnouncedContext,
                                     kAnnouncedTtftS, kAnnouncedTpotMs);
    if (!devices) return std::nullopt;
    return static_cast<double>(*devices);
  };
  return {std::move(attention),
          {at_corner(Corner::cheap), at_corner(Corner::middle), at_corner(Corner::dear)}};
}

template <class T>
Json corners_json(const Corners<T>& c) {
  const auto value = [](const std::optional<double>& v) { return v ? Json(*v) : Json(); };
  return {{"cheap", value(c.cheap)}, {"middle", value(c.middle)}, {"dear", value(c.dear)}};
}

std::string itself(const Corners<double>& corners) {
  return figures(corners, [](double value) { return value; });
}

}  // namespace

HardwareReport report_hardware(const ModelShape& model, const Hardware& machine, const std::string& name) {
  HardwareReport out{.model = name,
                     .machine = machine.name,
                     .weight_gb = (other_bytes(model) + expert_bytes(model)) / 1e9,
                     .cache_bytes_a_token = token_bytes(model),
                     .predictions = predictions(model, machine),
                     .needed = {}};
  // A link is what it takes to have more than one.
  if (machine.link_gb_s.low > 0) {
    out.needed.push_back(needed(model, machine, "dense", 0));
    if (model.topk > 0) out.needed.push_back(needed(model, machine, "sparse", model.topk));
  }
  return out;
}

std::string to_text(const HardwareReport& r) {
  std::string out = fmt::format("{} on {}, predicted: {} GB of weights, {} bytes of cache a token\n",
                                printable(r.model, 300), printable(r.machine), figure(r.weight_gb),
                                figure(r.cache_bytes_a_token));
  out +=
      fmt::format("  {:<9} {:>7}  {:<28} {}\n", "attention", "tokens", "first token, s", "each further, ms");
  for (const Prediction& p : r.predictions)
    out += fmt::format("  {:<9} {:>7}  {:<28} {}\n", p.attention, p.context, itself(p.ttft_s),
                       itself(p.tpot_ms));
  for (const DevicesNeeded& n : r.needed)
    out += fmt::format(
        "  a first token in {} s and {} ms for each further at {} tokens take, {}: {} such devices\n",
        figure(kAnnouncedTtftS), figure(kAnnouncedTpotMs), kAnnouncedContext, n.attention,
        figures(n.devices, [](const auto& devices) { return devices; }));
  return out;
}

Json to_json(const HardwareReport& r) {
  Json rows = Json::array(), needed = Json::object();
  for (const Prediction& p : r.predictions)
    rows.push_back({{"attention", p.attention},
                    {"context", p.context},
                    {"ttft_s", corners_json(p.ttft_s)},
                    {"tpot_ms", corners_json(p.tpot_ms)}});
  for (const DevicesNeeded& n : r.needed) needed[n.attention] = corners_json(n.devices);
  return {{"model", r.model},
          {"weight_gb", r.weight_gb},
          {"cache_bytes_a_token", r.cache_bytes_a_token},
          {"rows", std::move(rows)},
          {"target",
           {{"context", kAnnouncedContext},
            {"ttft_s", kAnnouncedTtftS},
            {"tpot_ms", kAnnouncedTpotMs},
            {"devices", std::move(needed)}}}};
}

}  // namespace dsa::cost
