// Every assumption of `dsa cost`, by name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cost/range.h"

namespace dsa::cost {

/// What is asked, and how fast the answer must come.
struct Workload {
  Range prompt_tokens = 4000;
  Range answer_tokens = 500;
  Range hit_ratio = 0.5;
  Range requests_a_day = 2000;
  Range hours_a_day = 10;
  Range days_a_year = 250;
  Range ttft_s = 2;
  Range tpot_ms = 30;
};

/// One machine, of one or more devices (accelerators; a computer without any is one device).
struct Hardware {
  std::string name = "a server";
  Range price_usd{4000, 8000};
  Range rent_usd_hour = 0;
  Range lifetime_years{3, 5};
  Range power_w{200, 400};
  Range idle_power_w{60, 120};
  Range devices = 1;
  Range memory_gb = 64;
  Range read_gb_s = 60;
  Range fp32_gflop_s = 235;
  Range bf16_gflop_s = 470;
  Range fp8_gflop_s = 470;
  Range int8_gop_s = 940;
  Range read_share{0.45, 0.9};
  Range arithmetic_share{0.3, 0.65};
  Range tensor_parallel = 1;
  Range expert_parallel = 1;
  Range context_parallel = 1;
  Range chunk_tokens = 512;
  Range link_gb_s = 0;
  Range link_latency_us{5, 20};
};

/// Where it stands, and who looks after it.
struct Site {
  Range electricity_usd_kwh{0.1, 0.3};
  Range power_overhead{1.1, 1.6};
  Range hosting_usd_month{0, 100};
  Range setup_hours{16, 80};
  Range staff_hours_month{4, 16};
  Range staff_usd_hour{40, 100};
  Range api_staff_hours_month{1, 2};
  Range largest_load = 0.8;
  Range hit_share{0, 0.05};
};

/// Of one API, dollars a million tokens.
struct Price {
  std::string name;
  std::string date;           // when it was so
  std::optional<double> hit;  // nothing: not known, and every token of a prompt is billed as a miss
  double miss = 0, output = 0;

  bool operator==(const Price&) const = default;
};

/// What no arithmetic knows: the organisation's own words, for the decision sheet.
struct Decision {
  std::string data =
      "Prompts and answers do not leave the building. With an API they do: ask where they are kept, how "
      "long, and under whose law.";
  std::string control =
      "The model stays as it is until you change it. An API's model changes when its owner says so.";
  std::string vendor_change =
      "dsa speaks OpenAI's and Anthropic's protocols: to go over is another address in the clients, and to "
      "go back too.";
  std::string effort = "Somebody must watch, update and mend it: the hours stand in the table.";
};

struct Settings {
  Workload workload;
  Hardware machine;
  Site site;
  std::vector<Price> prices;  // none: only one's own costs
  Decision decision;
};

/// With the price table of prices.h.
Settings default_settings();

/// Which end of a range makes one's own machine cheaper.
enum class Cheap : std::uint8_t { low, high, is_one_figure };

struct Setting {
  std::string_view table, key, help;
  std::variant<Range*, std::string*> value;
  double min = 0, max = 0;  // of a number
  Cheap cheap = Cheap::low;
  bool whole = false;
};

/// All but the prices, in the order in which they are printed: whoever reads, prints or lists settings goes
/// over these.  `settings` must outlive them.
std::vector<Setting> list_settings(Settings& settings);

/// With every range at one end, so that value() is all there is.
Settings at(Settings settings, Corner corner);

}  // namespace dsa::cost
