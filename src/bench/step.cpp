#include "bench/step.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/peak_memory.h"
#include "bench/machine.h"
#include "bench/model_bench.h"
#include "bench/report.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;
using Numbers = std::vector<std::int64_t>;
using Answer = std::optional<Json>;  // nothing: cancelled

struct Session {
  ModelBench& bench;
  std::int64_t peak_rss_bytes = 0;  // before the ceilings were last measured
};

Json loaded(const ModelBench& bench) {
  Json json = to_json(load_of(bench));
  const LoadedModel& model = bench.model();
  json["architecture"] = model.config().model_type;
  json["kernels"] = model.transformer().kernels().name;
  json["model"] = printable(model.files().path.string(), 1000);
  return json;
}

void check_room(const ModelBench& bench, std::int64_t tokens) {
  if (tokens > bench.model().context())
    fail("`step`: {} tokens do not fit into a cache of {}: give `context`", tokens, bench.model().context());
}

void check_cell(const ModelBench& bench, std::int64_t depth, std::int64_t tokens) {
  for (const std::int64_t some : {depth, tokens}) check_room(bench, some);  // their sum is a number then
  check_room(bench, depth + tokens);
  if (depth > bench.filled())
    fail("`step`: the cache holds {} tokens, {} were asked for: fill it first", bench.filled(), depth);
}

Answer cell(const Numbers& n, const Seconds& seconds, const PassCost& cost) {
  if (!seconds) return std::nullopt;
  return Json{{"depth", n[0]}, {"tokens", n[1]}, {"seconds", *seconds}, {"cost", to_json(cost.total())}};
}

Answer fill(Session& s, const Numbers& n) {
  check_room(s.bench, n[0]);
  if (!s.bench.fill(n[0], Fill::automatic)) return std::nullopt;
  return Json{{"depth", n[0]}};
}
Answer decode(Session& s, const Numbers& n) {
  check_cell(s.bench, n[0], n[1]);
  const SideBySide side{.sequences = n.size() > 2 ? n[2] : 1};
  const std::int64_t context = s.bench.model().context(),
                     cached = s.bench.model().transformer().cache().pages() * kPageTokens;
  if (side.sequences < 1 || side.sequences > cached ||
      SequencesAtDepth::cache_tokens(side.sequences, context) > cached)
    fail("`step`: a cache of {} tokens is none for {} sequences of {}: give `sequences`", cached,
         side.sequences, context);
  SequencesAtDepth all = s.bench.at_depth(n[0], side);
  auto answer = cell(n, s.bench.decode(all, n[1]), s.bench.decode_cost(n[0], n[1], side));
  if (answer && n.size() > 2) (*answer)["sequences"] = side.sequences;
  return answer;
}
Answer prefill(Session& s, const Numbers& n) {
  check_cell(s.bench, n[0], n[1]);
  return cell(n, s.bench.prefill(n[0], n[1]), s.bench.prefill_cost(n[0], n[1]));
}
Answer memory(Session& s, const Numbers&) {
  return Json{{"peak_rss_bytes", std::max(s.peak_rss_bytes, peak_rss_bytes())}};
}
// What it needs itself is not the model's.
Answer machine(Session& s, const Numbers&) {
  s.peak_rss_bytes = std::max(s.peak_rss_bytes, peak_rss_bytes());
  Json figures;
  {
    Exec exec(s.bench.threads());
    figures = to_json(measure_machine(exec, load_of(s.bench).weight_bytes));
  }
  reset_peak_rss();
  return figures;
}

struct StepKind {
  std::string_view name;
  std::size_t numbers;
  Answer (*run)(Session&, const Numbers&);
};
constexpr std::array<StepKind, 6> kSteps{{{"fill", 1, fill},
                                          {"decode", 2, decode},
                                          {"decode", 3, decode},
                                          {"prefill", 2, prefill},
                                          {"memory", 0, memory},
                                          {"machine", 0, machine}}};

Answer answer(Session& session, const std::string& line) {
  std::istringstream words(line);
  std::string name;
  words >> name;
  Numbers numbers;
  for (std::int64_t n = 0; words >> n;) numbers.push_back(n);
  const bool whole = words.eof() && std::ranges::all_of(numbers, [](auto n) { return n >= 0; });
  for (const StepKind& step : kSteps)
    if (whole && step.name == name && step.numbers == numbers.size()) return step.run(session, numbers);
  fail(
      "`step`: \"{}\" is none of: fill DEPTH, decode DEPTH TOKENS [SEQUENCES], prefill DEPTH TOKENS, memory, "
      "machine",
      printable(line));
}

}  // namespace

bool run_steps(ModelBench& bench, std::istream& in, std::ostream& out) {
  const auto say = [&](const Json& json) {
    // Flushed: the other side waits for it.
    out << json_text(json) << std::endl;
    if (!out) fail("`step`: the answer could not be written");
  };
  Session session{.bench = bench};
  say(loaded(bench));
  for (std::string line; std::getline(in, line);) {
    const Answer said = answer(session, line);
    if (!said) return false;
    say(*said);
  }
  return true;
}

}  // namespace dsa
