// dsa rl eval --model DIR: how many tasks a model solves that it was never trained on.
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "cli/catalogue.h"
#include "cli/checks.h"
#include "cli/terminal.h"
#include "cli/train_rl.h"
#include "cli/train_rl_session.h"
#include "eval/statistics.h"
#include "rl/train/held_out.h"

namespace dsa::cli {
namespace {

struct EvalOrder {
  std::string model = "tiny-v32", beside, judge, domains = "all";
  rl::TaskSettings tasks;
  std::int64_t count = 500, message_tokens = 128;
  double temperature = 0;
  int threads = 0;
  bool json = false;
  std::string to;
};

/// By domain: of each task, whether it was solved.
using Solved = std::vector<std::vector<double>>;

// What must be the same for two results to be of the same tasks.
std::string tasks_in_words(const EvalOrder& o) {
  const rl::TaskSettings& t = o.tasks;
  return fmt::format("{} tasks of {}, seed {}, difficulty {} to {}, {:g} stretched to {} bytes, {}{}",
                     o.count, o.domains, t.seed, t.easiest, t.hardest, t.stretched, t.stretch, t.style,
                     o.temperature > 0 ? fmt::format(", temperature {:g}", o.temperature) : "");
}

// "0110" for each task of a domain, in order.
nlohmann::ordered_json digits_of(const Solved& solved, std::span<const rl::DomainShare> domains) {
  nlohmann::ordered_json out;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    std::string digits;
    for (const double one : solved[i]) digits += one > 0 ? '1' : '0';
    out[std::string(domains[i].domain->name)] = digits;
  }
  return out;
}

// A result that --to wrote.  Throws Error if it is of other tasks.
Solved solved_from(const std::string& path, const EvalOrder& o, std::span<const rl::DomainShare> domains) {
  const MappedFile file(path);
  const std::string name = printable(path, 1000);
  const auto json =
      parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, name);
  try {
    if (json.at("of") != tasks_in_words(o))
      fail("--beside {}: is of {}, this is of {}", name, printable(json.at("of").get<std::string>()),
           tasks_in_words(o));
    Solved out;
    for (const auto& domain : domains) {
      auto& own = out.emplace_back();
      for (const char digit : json.at("each").at(std::string(domain.domain->name)).get<std::string>())
        own.push_back(digit == '1' ? 1 : 0);
      if (std::ssize(own) != o.count) fail("--beside {}: has another number of tasks", name);
    }
    return out;
  } catch (const nlohmann::json::exception&) {
    fail("--beside {}: is no result of dsa rl eval --to", name);
  }
}

std::optional<rl::Groups> played(const EvalOrder& o, const std::string& model,
                                 std::span<const rl::DomainShare> domains, const Exec& exec,
                                 const std::atomic<bool>& cancel) {
  auto opened = open_for_tasks(resolve_model(model));
  const Tokenizer tokenizer = fitting_tokenizer(opened.files);
  if (o.tasks.attention == "sparse" && !opened.has_indexer())
    fail("--attention sparse: {} has no indexer: give --attention dense", printable(model));
  ProgressLine line({.verb = "playing", .unit = "tasks", .speed = "tasks/s"});
  const std::int64_t all = o.count * static_cast<std::int64_t>(domains.size());
  auto groups = rl::play_held_out(std::move(opened), tokenizer,
                                  {.domains = domains,
                                   .settings = o.tasks,
                                   .message_tokens = o.message_tokens,
                                   .tasks = o.count,
                                   .temperature = o.temperature},
                                  exec, cancel, [&](std::int64_t done) { line.update(done, all); });
  line.clear();
  return groups;
}

Solved solved_in(const rl::Groups& groups, std::int64_t of_a_domain) {
  Solved out;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i % static_cast<std::size_t>(of_a_domain) == 0) out.emplace_back();
    out.back().push_back(groups[i].front().score.value >= 1 ? 1 : 0);
  }
  return out;
}

// What a judge says of the answers: of each line of the rubric, the share that the rules say too, and the
// share that is so.  nullopt: interrupted.
std::optional<nlohmann::ordered_json> judged(const EvalOrder& o, const rl::Groups& groups,
                                             std::span<const rl::DomainShare> domains, const Exec& exec,
                                             const std::atomic<bool>& cancel) {
  std::vector<std::unique_ptr<const rl::Task>> tasks;
  std::vector<rl::Transcript> transcripts;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto of = static_cast<std::size_t>(o.count);
    const rl::DomainShare alone[] = {domains[i / of].alone()};
    tasks.push_back(rl::TaskSource(alone, o.tasks).held_out(static_cast<std::int64_t>(i % of)).task);
    transcripts.push_back(rl::play(*tasks.back(), groups[i].front().messages));
  }
  std::vector<rl::Attempt> attempts;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    attempts.push_back({.task = tasks[i].get(), .transcript = &transcripts[i]});
  OpenJudge judge(o.judge, o.tasks.context, exec);
  const auto verdicts = judge.judge->verdicts(attempts, cancel);
  if (!verdicts) return std::nullopt;
  const auto shares = rl::agreement(attempts, *verdicts);
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (std::size_t line = 0; line < shares.size(); ++line) {
    double yes = 0;
    for (const auto& transcript : transcripts) yes += rl::rubric_of(transcript)[line].yes ? 1 : 0;
    out.push_back({{"question", rl::kRubric[line]},
                   {"agrees", shares[line]},
                   {"yes", yes / static_cast<double>(transcripts.size())}});
  }
  out.push_back({{"question", "all"}, {"agrees", rl::judged_score(shares)}});
  return out;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// One domain, or all together.
nlohmann::ordered_json row_of(std::string_view name, const std::vector<double>& own,
                              const std::vector<double>& other) {
  const double share = mean_of(own);
  const auto n = static_cast<std::int64_t>(own.size());
  const Interval around = wilson_interval(std::llround(share * static_cast<double>(n)), n);
  nlohmann::ordered_json row{
      {"domain", name}, {"tasks", n}, {"solved", share}, {"interval", {around.low, around.high}}};
  if (other.empty()) return row;
  std::vector<double> gains;
  for (std::size_t i = 0; i < own.size(); ++i) gains.push_back(own[i] - other[i]);
  const PairedDifference gain = paired_difference(gains);
  row["beside"] = mean_of(other);
  row["gain"] = gain.mean;
  row["gain_interval"] = gain.interval ? nlohmann::ordered_json{gain.interval->low, gain.interval->high}
                                       : nlohmann::ordered_json(nullptr);
  return row;
}

std::string text_of(const nlohmann::ordered_json& rows, bool beside) {
  const auto percent = [](const nlohmann::ordered_json& x) { return 100 * x.get<double>(); };
  std::string out = fmt::format("{:<14} {:>6} {:>8} {:>17}", "domain", "tasks", "solved %", "95 %");
  out += beside ? fmt::format(" {:>9} {:>8} {:>17}\n", "beside %", "gain", "95 %, paired") : "\n";
  for (const auto& row : rows) {
    out += fmt::format("{:<14} {:>6} {:>8.1f} {:>8.1f} .. {:>5.1f}", row["domain"].get<std::string>(),
                       row["tasks"].get<std::int64_t>(), percent(row["solved"]), percent(row["interval"][0]),
                       percent(row["interval"][1]));
    if (beside) out += fmt::format(" {:>9.1f} {:>+8.1f}", percent(row["beside"]), percent(row["gain"]));
    if (beside && !row["gain_interval"].is_null())
      out += fmt::format(" {:>+8.1f} .. {:>+5.1f}", percent(row["gain_interval"][0]),
                         percent(row["gain_interval"][1]));
    out += "\n";
  }
  return out;
}

std::string text_of_judge(const nlohmann::ordered_json& result) {
  if (!result.contains("judge")) return "";
  std::string out = fmt::format("\n{:<26} {:>10} {:>10}\n", "the judge about them", "agrees %", "is so %");
  for (const auto& row : result["judge"]) {
    out += fmt::format("{:<26} {:>10.1f}", row["question"].get<std::string>(),
                       100 * row["agrees"].get<double>());
    out += row.contains("yes") ? fmt::format(" {:>10.1f}\n", 100 * row["yes"].get<double>()) : "\n";
  }
  return out;
}

int rl_eval(const EvalOrder& o) {
  if (o.tasks.easiest > o.tasks.hardest)
    fail("--easiest {}: --hardest is {}: expected at most that", o.tasks.easiest, o.tasks.hardest);
  const auto domains = rl::parse_domains(o.domains);
  const Exec exec(o.threads > 0 ? o.threads : Exec::default_threads());
  const CatchInterrupt interrupt;
  Solved other(domains.size());
  if (!o.beside.empty()) {
    std::optional<Solved> theirs;
    if (o.beside.ends_with(".json"))
      theirs = solved_from(o.beside, o, domains);
    else if (const auto groups = played(o, o.beside, domains, exec, interrupt.flag()))
      theirs = solved_in(*groups, o.count);
    if (!theirs) return kInterrupted;
    other = std::move(*theirs);
  }
  const auto groups = played(o, o.model, domains, exec, interrupt.flag());
  if (!groups) return kInterrupted;
  const Solved own = solved_in(*groups, o.count);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  std::vector<double> all, all_other;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    rows.push_back(row_of(domains[i].domain->name, own[i], other[i]));
    all.insert(all.end(), own[i].begin(), own[i].end());
    all_other.insert(all_other.end(), other[i].begin(), other[i].end());
  }
  if (domains.size() > 1) rows.push_back(row_of("together", all, all_other));
  nlohmann::ordered_json result{{"model", o.model},
                                {"beside", o.beside},
                                {"of", tasks_in_words(o)},
                                {"rows", rows},
                                {"each", digits_of(own, domains)}};
  if (!o.judge.empty()) {
    auto verdicts = judged(o, *groups, domains, exec, interrupt.flag());
    if (!verdicts) return kInterrupted;
    result["judge"] = std::move(*verdicts);
  }
  if (!o.to.empty()) write_file(o.to, json_text(result, 2) + "\n");
  print(o.json ? json_text(result, 2) + "\n" : text_of(rows, !o.beside.empty()) + text_of_judge(result));
  return kDone;
}

}  // namespace

Action declare_rl_eval(Command command) {
  auto o = std::make_shared<EvalOrder>();
  command.add_option("--model", o->model, "a folder, or tiny-v32").type_name("MODEL").show_default();
  command
      .add_option("--beside", o->beside,
                  "another model at the same tasks, or its result as --to wrote it: what is gained over it")
      .type_name("MODEL|FILE.json");
  command
      .add_option("--judge", o->judge,
                  "a model from dsa rl judge: how often it says of these answers what the rules say")
      .type_name("DIR");
  command.add_option("--domains", o->domains, "whose tasks: NAME,NAME, or all").show_default();
  command.add_option("--tasks", o->count, "of each domain")
      .check(whole<std::int64_t>(1, 1'000'000))
      .show_default();
  command.add_option("--easiest", o->tasks.easiest, "difficulty of the easiest tasks")
      .check(whole<std::int64_t>(0, rl::kHardest))
      .show_default();
  command.add_option("--hardest", o->tasks.hardest, "difficulty of the hardest")
      .check(whole<std::int64_t>(0, rl::kHardest))
      .show_default();
  command
      .add_option("--stretch", o->tasks.stretch,
                  "bytes that a prompt is stretched to by what does not matter; drawn evenly up to that")
      .check(whole<std::int64_t>(0, rl::kLongestTask))
      .show_default();
  command.add_option("--stretched", o->tasks.stretched, "share of the tasks whose prompts are stretched")
      .check(within(0.0, 1.0))
      .show_default();
  command.add_option("--style", o->tasks.style, "steps, brief or both")
      .check(one_of({"steps", "brief", "both"}))
      .show_default();
  command
      .add_option("--temperature", o->temperature,
                  "0: the likeliest token, always; 1: as in training, drawn, the same at every run")
      .check(within(0.0, 2.0))
      .show_default();
  command.add_option("--ctx", o->tasks.context, "tokens of an episode, at most")
      .check(whole<std::int64_t>(8, 8192))
      .show_default();
  command.add_option("--message-tokens", o->message_tokens, "tokens of a message, at most")
      .check(whole<std::int64_t>(1, 8192))
      .show_default();
  command.add_option("--attention", o->tasks.attention, "sparse or dense")
      .check(one_of({"sparse", "dense"}))
      .show_default();
  command.add_option("--seed", o->tasks.seed, "of the tasks")
      .check(whole<std::int64_t>(0, 1'000'000'000))
      .show_default();
  command
      .add_option("--threads", o->threads, "threads to compute with (default: DSA_THREADS, else every core)")
      .check(whole(1, 4096));
  command.add_flag("--json", o->json, "as JSON");
  command
      .add_option("--to", o->to,
                  "a file for the JSON, beside what is printed; it says of each task whether it was solved")
      .type_name("FILE");
  command.footer(
      "Tasks that no training sees, each answered once.\n\nExamples:\n"
      "  dsa rl eval --model my-specialist --beside my-start --domains counting\n"
      "  dsa rl eval --model my-specialist --temperature 1\n"
      "  dsa rl eval --model my-mixed --json\n");
  return [o] { return rl_eval(*o); };
}

}  // namespace dsa::cli
