#include "cost/own.h"

#include <algorithm>
#include <cmath>

#include "cost/prices.h"

namespace dsa::cost {
namespace {

constexpr double kHoursAYear = 8760, kSecondsAnHour = 3600, kMonths = 12, kYears = 3;
constexpr double kMostMachines = 1e9;

PerKind spread(const PerKind& seconds, double usd, double busy_s) {
  const double price = busy_s > 0 ? usd / busy_s * 1e6 : 0;
  return {.hit = seconds.hit * price, .miss = seconds.miss * price, .output = seconds.output * price};
}

// The share of the time at which the mean wait leaves room for the target.
double load_for(double slack_s, double request_s) {
  const double waits = 2 * std::max(slack_s, 0.0) / request_s;
  return waits / (1 + waits);
}

double staff_a_year(const Site& s) {
  return (s.staff_hours_month.value() * kMonths + s.setup_hours.value() / kYears) * s.staff_usd_hour.value();
}
double api_staff_a_year(const Site& s) {
  return s.api_staff_hours_month.value() * kMonths * s.staff_usd_hour.value();
}

// Dollars a year for a watt that flows for an hour each year.
double usd_watt_hour(const Site& s) {
  return s.electricity_usd_kwh.value() * s.power_overhead.value() / 1000;
}

// What a machine costs a year if nobody asks it anything.
Yearly machine_at_rest(const Settings& settings) {
  const Hardware& m = settings.machine;
  const Workload& w = settings.workload;
  return {.machines = m.price_usd.value() / m.lifetime_years.value() +
                      m.rent_usd_hour.value() * w.hours_a_day.value() * w.days_a_year.value(),
          .electricity = kHoursAYear * m.idle_power_w.value() * usd_watt_hour(settings.site),
          .hosting = settings.site.hosting_usd_month.value() * kMonths,
          .staff = 0};
}

// What a request costs beyond that.
double usd_a_request(const Settings& settings, double request_s) {
  const Hardware& m = settings.machine;
  const double watts = std::max(m.power_w.value() - m.idle_power_w.value(), 0.0);
  return request_s / kSecondsAnHour * watts * usd_watt_hour(settings.site);
}

}  // namespace

Service serve(const Settings& settings, const SpeedAt& speed) {
  const Workload& w = settings.workload;
  const double prompt = w.prompt_tokens.value(), answer = w.answer_tokens.value();
  const double hits = prompt * w.hit_ratio.value(), misses = prompt - hits;
  const double decode_s = speed.decode.mean(prompt, prompt + answer);
  const double tpot_target_s = w.tpot_ms.value() / 1000;

  Service out;
  double gain = 1;
  bool fast_enough = false;
  for (const auto& batch : speed.batching) {
    const double tpot_s = decode_s * static_cast<double>(batch.clients) / batch.gain;
    if (batch.clients > 1 && (tpot_s > tpot_target_s || batch.gain <= gain)) continue;
    fast_enough = tpot_s <= tpot_target_s;
    gain = batch.gain;
    out.clients = batch.clients;
    out.tpot_ms = tpot_s * 1000;
  }
  out.seconds.miss = speed.prefill.mean(hits, prompt);
  out.seconds.hit = out.seconds.miss * settings.site.hit_share.value();
  out.seconds.output = decode_s / gain;
  out.ttft_s = misses * out.seconds.miss + hits * out.seconds.hit;
  out.request_s = out.ttft_s + answer * out.seconds.output;

  const double most = settings.site.largest_load.value();
  const double seconds_a_day = w.hours_a_day.value() * kSecondsAnHour;
  out.requests_a_day = seconds_a_day * most / out.request_s;
  out.load = std::min(load_for(w.ttft_s.value() - out.ttft_s, out.request_s), most);
  out.meets_target = fast_enough && out.load > 0;
  if (out.meets_target) out.tokens_a_day = seconds_a_day * out.load / out.request_s * (prompt + answer);
  return out;
}

Yearly yearly(const Settings& settings, double request_s, double requests_a_day, std::int64_t machines) {
  const auto n = static_cast<double>(machines);
  const Yearly rest = machine_at_rest(settings);
  const double requests = requests_a_day * settings.workload.days_a_year.value();
  return {.machines = n * rest.machines,
          .electricity = n * rest.electricity + requests * usd_a_request(settings, request_s),
          .hosting = n * rest.hosting,
          .staff = staff_a_year(settings.site)};
}

std::int64_t machines_for(const Service& service, double requests_a_day) {
  const double machines = std::ceil(requests_a_day / service.requests_a_day);
  return static_cast<std::int64_t>(std::clamp(machines, 1.0, kMostMachines));
}

Own own(const Settings& settings, const SpeedAt& speed) {
  Own out;
  out.service = serve(settings, speed);
  const Service& s = out.service;
  const double requests_a_day = settings.workload.requests_a_day.value();
  out.machines = machines_for(s, requests_a_day);
  out.yearly = yearly(settings, s.request_s, requests_a_day, out.machines);
  const double days = settings.workload.days_a_year.value();
  out.per_million = spread(s.seconds, out.yearly.total(), requests_a_day * days * s.request_s);
  out.per_million_full = spread(s.seconds, yearly(settings, s.request_s, s.requests_a_day, 1).total(),
                                s.requests_a_day * days * s.request_s);
  return out;
}

// With m machines: shared + m * machine + n * own <= n * api.  The least n belongs to the least m that can
// serve the n at which this holds.
std::optional<double> break_even(const Settings& settings, const Service& service, const Price& price) {
  const double days = settings.workload.days_a_year.value();
  const double saved =
      bill(price, settings.workload, days) - days * usd_a_request(settings, service.request_s);
  if (saved <= 0) return std::nullopt;
  const double shared = staff_a_year(settings.site) - api_staff_a_year(settings.site);
  const double machine = machine_at_rest(settings).total();
  const double full = service.requests_a_day * saved;  // what one machine saves at most
  double machines = 1;
  if (shared + machine > full) {
    if (full <= machine) return std::nullopt;
    machines = std::ceil(shared / (full - machine));
  }
  if (machines > kMostMachines) return std::nullopt;
  return std::max(0.0, (shared + machines * machine) / saved);
}

double api_yearly(const Settings& settings, const Price& price, double requests_a_day) {
  return bill(price, settings.workload, requests_a_day * settings.workload.days_a_year.value()) +
         api_staff_a_year(settings.site);
}

}  // namespace dsa::cost
