#include "bench/step.h"

#include <fmt/ranges.h>

#include <array>
#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "bench/machine.h"
#include "bench/model_bench.h"
#include "bench/peak_memory.h"
#include "bench/report.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;
using Numbers = std::vector<std::int64_t>;
using Answer = std::optional<Json>;  // nothing: cancelled

Json loaded(const ModelBench& bench) {
  Json json = to_json(load_of(bench));
  json["architecture"] = bench.files().config.model_type;
  json["kernels"] = bench.model().kernels().name;
  json["model"] = printable(bench.files().path.string(), 1000);
  return json;
}

void check_room(const ModelBench& bench, std::int64_t tokens) {
  if (tokens > bench.model().max_context())
    fail("--step: {} tokens do not fit into a cache of {}: give --ctx", tokens, bench.model().max_context());
}

void check_cell(const ModelBench& bench, std::int64_t depth, std::int64_t tokens) {
  check_room(bench, depth + tokens);
  if (depth > bench.filled())
    fail("--step: the cache holds {} tokens, {} were asked for: fill it first", bench.filled(), depth);
}

Answer cell(const Numbers& n, const Seconds& seconds, const Cost& cost) {
  if (!seconds) return std::nullopt;
  return Json{{"depth", n[0]}, {"tokens", n[1]}, {"seconds", *seconds}, {"cost", to_json(cost)}};
}

Answer fill(ModelBench& bench, const Numbers& n) {
  check_room(bench, n[0]);
  if (!bench.fill(n[0], Fill::automatic)) return std::nullopt;
  return Json{{"depth", n[0]}};
}
Answer decode(ModelBench& bench, const Numbers& n) {
  check_cell(bench, n[0], n[1]);
  return cell(n, bench.decode(n[0], n[1]), bench.decode_cost(n[0], n[1]));
}
Answer prefill(ModelBench& bench, const Numbers& n) {
  check_cell(bench, n[0], n[1]);
  return cell(n, bench.prefill(n[0], n[1]), bench.prefill_cost(n[0], n[1]));
}
Answer memory(ModelBench&, const Numbers&) { return Json{{"peak_rss_bytes", peak_rss_bytes()}}; }
Answer machine(ModelBench& bench, const Numbers&) {
  const int threads = bench.options().threads;
  Exec exec(threads > 0 ? threads : Exec::default_threads());
  return to_json(measure_machine(exec));
}

struct Step {
  std::string_view name;
  std::size_t numbers;
  Answer (*run)(ModelBench&, const Numbers&);
};
constexpr std::array<Step, 5> kSteps{{{"fill", 1, fill},
                                      {"decode", 2, decode},
                                      {"prefill", 2, prefill},
                                      {"memory", 0, memory},
                                      {"machine", 0, machine}}};

Answer answer(ModelBench& bench, const std::string& line) {
  std::istringstream words(line);
  std::string name;
  words >> name;
  Numbers numbers;
  for (std::int64_t n = 0; words >> n;) numbers.push_back(n);
  const bool whole = words.eof() && std::ranges::all_of(numbers, [](auto n) { return n >= 0; });
  for (const Step& step : kSteps)
    if (whole && step.name == name && step.numbers == numbers.size()) return step.run(bench, numbers);
  fail("--step: \"{}\" is none of: fill DEPTH, decode DEPTH TOKENS, prefill DEPTH TOKENS, memory, machine",
       printable(line));
}

}  // namespace

bool run_steps(ModelBench& bench, std::istream& in, std::ostream& out) {
  const auto say = [&](const Json& json) {
    // Flushed: the other side waits for it.
    out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    if (!out) fail("--step: the answer could not be written");
  };
  say(loaded(bench));
  for (std::string line; std::getline(in, line);) {
    const Answer said = answer(bench, line);
    if (!said) return false;
    say(*said);
  }
  return true;
}

}  // namespace dsa
