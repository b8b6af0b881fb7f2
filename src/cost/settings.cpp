#include "cost/settings.h"

#include "cost/prices.h"

namespace dsa::cost {
namespace {

constexpr double kMuch = 1e12;  // keeps every product far below infinity

class List {
 public:
  explicit List(std::vector<Setting>& out) : out_(out) {}

  void table(std::string_view name) { table_ = name; }
  void number(std::string_view key, Range& value, double min, double max, std::string_view help) {
    add(key, value, min, max, Cheap::is_one_figure, help);
  }
  void whole(std::string_view key, Range& value, double min, double max, std::string_view help) {
    number(key, value, min, max, help);
    out_.back().whole = true;
  }
  void cheap_if_low(std::string_view key, Range& value, double min, double max, std::string_view help) {
    add(key, value, min, max, Cheap::low, help);
  }
  void cheap_if_high(std::string_view key, Range& value, double min, double max, std::string_view help) {
    add(key, value, min, max, Cheap::high, help);
  }
  void text(std::string_view key, std::string& value, std::string_view help) {
    out_.push_back({.table = table_, .key = key, .help = help, .value = &value});
  }

 private:
  void add(std::string_view key, Range& value, double min, double max, Cheap cheap, std::string_view help) {
    out_.push_back(
        {.table = table_, .key = key, .help = help, .value = &value, .min = min, .max = max, .cheap = cheap});
  }

  std::vector<Setting>& out_;
  std::string_view table_;
};

void list_workload(List& list, Workload& w) {
  list.table("workload");
  list.whole("prompt_tokens", w.prompt_tokens, 1, 1e7, "of a request");
  list.whole("answer_tokens", w.answer_tokens, 1, 1e7, "of a request");
  list.number("hit_ratio", w.hit_ratio, 0, 1, "share of a prompt's tokens that the cache has");
  list.number("requests_a_day", w.requests_a_day, 1e-3, 1e9, "on a day of use");
  list.number("hours_a_day", w.hours_a_day, 0.1, 24, "in which the requests come");
  list.number("days_a_year", w.days_a_year, 1, 366, "of use");
  list.number("ttft_s", w.ttft_s, 1e-3, 1e6, "the first token must come within this time");
  list.number("tpot_ms", w.tpot_ms, 1e-3, 1e9, "each further token within this one");
}

void list_speed(List& list, Hardware& m) {
  list.whole("devices", m.devices, 1, 1e5, "accelerators of the machine; a computer without any: 1");
  list.number("memory_gb", m.memory_gb, 0.1, 1e6, "of a device");
  list.cheap_if_high("read_gb_s", m.read_gb_s, 1e-3, 1e7, "a device reads from its memory at best");
  list.cheap_if_high("fp32_gflop_s", m.fp32_gflop_s, 1e-3, kMuch,
                     "a device at best, a multiply and an add are two");
  list.cheap_if_high("bf16_gflop_s", m.bf16_gflop_s, 1e-3, kMuch, "the same; attention and BF16 weights");
  list.cheap_if_high("fp8_gflop_s", m.fp8_gflop_s, 1e-3, kMuch, "the same; FP8 weights");
  list.cheap_if_high("int8_gop_s", m.int8_gop_s, 1e-3, kMuch, "the same; GGUF weights and index scores");
  list.cheap_if_high("read_share", m.read_share, 0.01, 1, "of read_gb_s that programs reach");
  list.cheap_if_high("arithmetic_share", m.arithmetic_share, 0.01, 1,
                     "of the operations a second that they reach");
  list.whole("tensor_parallel", m.tensor_parallel, 1, 1e4, "devices that share each matrix");
  list.whole("expert_parallel", m.expert_parallel, 1, 1e4, "devices that share the experts");
  list.whole("context_parallel", m.context_parallel, 1, 1e4,
             "groups of devices that share the tokens of a prompt");
  list.whole("chunk_tokens", m.chunk_tokens, 16, 1e6, "of a prompt that are read in one pass");
  list.cheap_if_high("link_gb_s", m.link_gb_s, 0, 1e6, "of a device to the others; 0: it needs none");
  list.cheap_if_low("link_latency_us", m.link_latency_us, 0, 1e6, "until an exchange begins");
}

void list_machine(List& list, Hardware& m) {
  list.table("machine");
  list.text("name", m.name, "as you call it");
  list.cheap_if_low("price_usd", m.price_usd, 0, kMuch, "of the whole machine, bought; 0: it is rented");
  list.cheap_if_low("rent_usd_hour", m.rent_usd_hour, 0, 1e9,
                    "of the whole machine, in hours of use; 0: it is bought");
  list.cheap_if_high("lifetime_years", m.lifetime_years, 0.1, 100, "the price is spread over");
  list.cheap_if_low("power_w", m.power_w, 0, 1e9, "of the whole machine at work");
  list.cheap_if_low("idle_power_w", m.idle_power_w, 0, 1e9, "of the whole machine at rest; it is always on");
  list_speed(list, m);
}

void list_site(List& list, Site& s) {
  list.table("site");
  list.cheap_if_low("electricity_usd_kwh", s.electricity_usd_kwh, 0, 1e3, "what you pay for it");
  list.cheap_if_low("power_overhead", s.power_overhead, 1, 10,
                    "cooling and losses: all power over the machine's");
  list.cheap_if_low("hosting_usd_month", s.hosting_usd_month, 0, 1e9,
                    "room, network, insurance of a machine");
  list.cheap_if_low("setup_hours", s.setup_hours, 0, 1e6, "of staff, once");
  list.cheap_if_low("staff_hours_month", s.staff_hours_month, 0, 1e6, "to watch, update and mend it");
  list.cheap_if_low("staff_usd_hour", s.staff_usd_hour, 0, 1e5,
                    "what an hour of theirs costs you, all in all");
  list.cheap_if_high("api_staff_hours_month", s.api_staff_hours_month, 0, 1e6,
                     "for keys, bills and contracts of an API");
  list.number("largest_load", s.largest_load, 0.01, 0.99, "share of the time that a machine may be busy");
  list.cheap_if_low("hit_share", s.hit_share, 0, 1, "of a missed token's time that a hit takes");
}

void list_decision(List& list, Decision& d) {
  list.table("decision");
  list.text("data", d.data, "where the data lies");
  list.text("control", d.control, "who decides what runs");
  list.text("vendor_change", d.vendor_change, "what it takes to leave");
  list.text("effort", d.effort, "who does the work");
}

}  // namespace

Settings default_settings() {
  Settings settings;
  settings.prices.assign(announcement_prices().begin(), announcement_prices().end());
  return settings;
}

std::vector<Setting> list_settings(Settings& settings) {
  std::vector<Setting> out;
  List list(out);
  list_workload(list, settings.workload);
  list_machine(list, settings.machine);
  list_site(list, settings.site);
  list_decision(list, settings.decision);
  return out;
}

Settings at(Settings settings, Corner corner) {
  for (const Setting& setting : list_settings(settings)) {
    Range* const* range = std::get_if<Range*>(&setting.value);
    if (range == nullptr) continue;
    Range& r = **range;
    if (corner == Corner::middle)
      r = r.value();
    else
      r = (corner == Corner::cheap) == (setting.cheap == Cheap::low) ? r.low : r.high;
  }
  return settings;
}

}  // namespace dsa::cost
