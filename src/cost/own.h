// What one's own machines cost, and what they can do.
#pragma once

#include <cstdint>
#include <optional>

#include "cost/settings.h"
#include "cost/speed.h"

namespace dsa::cost {

/// A figure for each kind of token that is billed.
struct PerKind {
  double hit = 0, miss = 0, output = 0;
};

/// Dollars a year.
struct Yearly {
  double machines = 0;  // their price spread over their lifetime, or their rent
  double electricity = 0;
  double hosting = 0;
  double staff = 0;  // the setup spread over three years

  [[nodiscard]] double total() const { return machines + electricity + hosting + staff; }
};

/// How one machine serves the workload.
struct Service {
  PerKind seconds;           // of the machine, that a token takes
  double request_s = 0;      // of the machine, that a request takes
  std::int64_t clients = 1;  // at once: the most beside whom tpot_ms is kept, of those that were measured
  double ttft_s = 0;         // of a request that finds the machine free
  double tpot_ms = 0;        // beside those clients
  bool meets_target = false;
  double requests_a_day = 0;  // with largest_load, in the hours of use, however long they wait
  double load = 0;            // at which the first token comes within ttft_s on average; 0: at none
  double tokens_a_day = 0;    // prompts and answers, with that load; 0 where the targets are out of reach
};

/// Requests come at random and are worked off one after the other (M/D/1), each taking what it takes of a
/// machine that is shared by `clients`: the mean wait is load / (1 - load) * request_s / 2.
/// `settings`: at() one corner.
Service serve(const Settings& settings, const SpeedAt& speed);

/// Of so many machines over a year with so many requests a day.
Yearly yearly(const Settings& settings, double request_s, double requests_a_day, std::int64_t machines);

/// That it takes for so many requests a day: 1 or more.
std::int64_t machines_for(const Service& service, double requests_a_day);

/// That answer so many requests a day: 1 or more.
std::int64_t machines_for(const Service& service, double requests_a_day);

/// What it takes to answer the whole workload.
struct Own {
  Service service;
  std::int64_t machines = 0;
  Yearly yearly;
  PerKind per_million;       // all of `yearly`, by the time that tokens take
  PerKind per_million_full;  // of one machine that serves all it can, its staff included
};
Own own(const Settings& settings, const SpeedAt& speed);

/// The least requests a day at which one's own machines cost no more than the API; nothing: never.
std::optional<double> break_even(const Settings& settings, const Service& service, const Price& price);

/// What an API's bill is a year, its own staff hours included.
double api_yearly(const Settings& settings, const Price& price, double requests_a_day);

}  // namespace dsa::cost
