// dsa compare A B [--prompts FILE]: two models, modes or servers side by side, in numbers.
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.h"
#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/catalogue.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "compare/http_speaker.h"
#include "compare/local_speaker.h"
#include "compare/report.h"
#include "compare/runner.h"
#include "compare/side_spec.h"
#include "cost/prices.h"
#include "eval/run_log.h"

namespace dsa::cli {
namespace {

using compare::Manner;
using compare::SideSpec;
using compare::Speaker;

struct CompareOptions {
  Options common;
  std::string a, b;
  std::vector<std::string> prompts;
  std::int64_t each = 0;  // 0: all
  std::int64_t max_tokens = 512;
  double temperature = 0;
  std::uint64_t seed = 0;
  std::string price_a, price_b;
  std::string jsonl, report, judge, rubric;
  bool no_code = false;
};

std::vector<std::filesystem::path> prompt_folders() { return {DSA_SOURCE_PROMPTS, DSA_INSTALLED_PROMPTS}; }

std::vector<std::filesystem::path> shipped_sets() {
  std::vector<std::filesystem::path> out;
  for (const auto& folder : prompt_folders()) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
      if (entry.path().extension() == ".jsonl") out.push_back(entry.path());
    if (!out.empty()) break;
  }
  std::ranges::sort(out);
  if (out.empty())
    fail("prompts: none are in {} nor in {}: install dsa again, or give --prompts FILE",
         printable(prompt_folders()[0].string()), printable(prompt_folders()[1].string()));
  return out;
}

// A name of a set that comes with dsa, else a file.
std::vector<compare::Prompt> read_set(const std::string& name) {
  if (name.find_first_of("./") == std::string::npos) {
    const auto sets = shipped_sets();
    std::string names;
    for (const auto& path : sets) {
      if (path.stem() == name) return compare::read_prompts(path);
      names += (names.empty() ? "" : ", ") + path.stem().string();
    }
    fail("--prompts {}: no set of that name comes with dsa ({}), and a file is meant by ./{}",
         printable(name), names, printable(name));
  }
  return compare::read_prompts(name);
}

std::vector<compare::Prompt> chosen_prompts(const CompareOptions& o) {
  std::vector<compare::Prompt> out;
  std::map<std::string, std::int64_t> taken;
  std::set<std::string> ids;
  std::vector<std::string> names = o.prompts;
  if (names.empty())
    for (const auto& path : shipped_sets()) names.push_back(path.string());
  for (const std::string& name : names)
    for (compare::Prompt& prompt : read_set(name)) {
      if (o.each > 0 && taken[prompt.set]++ >= o.each) continue;
      if (!ids.insert(prompt.id).second)
        fail("--prompts {}: another file has the id \"{}\" too", printable(name), printable(prompt.id));
      out.push_back(std::move(prompt));
    }
  return out;
}

std::optional<cost::Price> price_of(const std::string& text, const char* option) {
  if (text.empty()) return std::nullopt;
  std::string names;
  for (const cost::Price& price : cost::announcement_prices()) {
    if (price.name == text) return price;
    names += (names.empty() ? "" : ", ") + price.name;
  }
  cost::Price price{.name = text, .date = "", .hit = 0, .miss = 0, .output = 0};
  double hit = 0;
  int read = 0;
  if (std::sscanf(text.c_str(), "%lf,%lf,%lf%n", &hit, &price.miss, &price.output, &read) != 3 ||
      static_cast<std::size_t>(read) != text.size() || !(hit >= 0 && price.miss >= 0 && price.output >= 0))
    throw UsageError(
        fmt::format("{}: {} is neither HIT,MISS,OUTPUT in dollars a million tokens nor one of {}", option,
                    printable(text), names));
  price.hit = hit;
  return price;
}

/// Speakers by what was typed; a model is loaded once, whoever speaks with it.
class Speakers {
 public:
  Speakers(const CompareOptions& options, std::vector<SideSpec> all, const std::atomic<bool>& cancel)
      : options_(options), all_(std::move(all)), cancel_(cancel) {}

  std::unique_ptr<Speaker> make(const SideSpec& side, const std::string& which, const std::string& price) {
    const std::string lower = which == "JUDGE" ? "judge" : which == "A" ? "a" : "b";
    const Manner manner{.max_tokens = options_.max_tokens,
                        .temperature = which == "JUDGE" ? 0 : options_.temperature,
                        .seed = options_.seed,
                        .price = price_of(price, fmt::format("--price-{}", lower).c_str())};
    if (!side.url.empty())
      return std::make_unique<compare::HttpSpeaker>(side.url, env_or(("DSA_KEY_" + which).c_str(), ""),
                                                    manner, cancel_);
    auto [model, own_topk] = load(side.model);
    RunOptions run = side.run;
    if (run.topk > 0 && own_topk == 0)
      fail("{}: the model has no indexer, which top-k would be of", printable(side.text));
    if (run.topk == 0) run.topk = own_topk;
    run.topk = std::min(run.topk, model->model().topk());  // more than the context is all of it
    return std::make_unique<compare::LocalSpeaker>(std::move(model), run, manner, lower);
  }

 private:
  struct Loaded {
    std::shared_ptr<compare::LocalModel> model;
    std::int64_t topk = 0;  // the indexer's own; 0: there is none
  };

  Loaded load(const std::string& name) {
    if (const auto found = loaded_.find(name); found != loaded_.end()) return found->second;
    Options options = options_.common;
    options.model = name;
    OpenedModel opened = open(options);
    const std::int64_t own = opened.has_indexer() ? opened.files.config.indexer->topk : 0;
    LoadOptions load = load_options(options);
    load.topk = own;
    for (const SideSpec& side : all_)
      if (side.model == name && own > 0) load.topk = std::max(load.topk, side.run.topk);
    auto model = std::make_shared<compare::LocalModel>(std::move(opened), load);
    warm_up(model);
    return loaded_[name] = {std::move(model), own};
  }

  // Who is asked first shall not pay for pages of weights that nobody has touched yet.
  void warm_up(const std::shared_ptr<compare::LocalModel>& model) const {
    const ChatMessage hello{.role = Role::user, .content = "Hello"};
    compare::LocalSpeaker(model, {}, {.max_tokens = 4}, "warm").say({&hello, 1}, cancel_);
  }

  const CompareOptions& options_;
  std::vector<SideSpec> all_;
  const std::atomic<bool>& cancel_;
  std::map<std::string, Loaded> loaded_;
};

/// Asks, and keeps what is said as soon as it is there.
class Comparison {
 public:
  Comparison(const CompareOptions& options, const compare::Arena& arena,
             const std::vector<compare::Prompt>& prompts)
      : arena_(arena), prompts_(prompts) {
    if (options.jsonl.empty()) return;
    log_.emplace(options.jsonl, identity(options));
    for (std::size_t i = 0; i < log_->earlier().size(); ++i) {
      auto result = compare::parse_result(log_->earlier()[i]);
      if (!result) damaged_line(options.jsonl, i);
      earlier_.insert_or_assign(result->id, std::move(*result));
    }
  }

  /// Results in the prompts' order.  Throws Error.
  std::vector<compare::Result> run(const std::atomic<bool>& cancel) {
    std::vector<compare::Result> out;
    ProgressLine progress({.verb = "asking", .unit = "prompts", .speed = ""});
    for (std::size_t i = 0; i < prompts_.size(); ++i) {
      progress.update(static_cast<std::int64_t>(i), std::ssize(prompts_));
      const compare::Prompt& prompt = prompts_[i];
      if (const auto found = earlier_.find(prompt.id);
          found != earlier_.end() && found->second.digest == prompt.digest) {
        out.push_back(found->second);
        continue;
      }
      if (cancel) continue;  // what the file holds of later ones counts
      auto result = ask_both(arena_, prompt, i % 2 == 0 ? compare::First::a : compare::First::b, cancel);
      if (!result) continue;
      if (log_) log_->append(to_json(*result));
      out.push_back(std::move(*result));
    }
    return out;
  }

 private:
  nlohmann::ordered_json identity(const CompareOptions& o) const {
    nlohmann::ordered_json out{{"dsa_compare", 1},
                               {"a", arena_.a.identity()},
                               {"b", arena_.b.identity()},
                               {"max_tokens", o.max_tokens},
                               {"temperature", o.temperature},
                               {"seed", o.seed},
                               {"prices", {o.price_a, o.price_b}},
                               {"code", arena_.sandbox != nullptr}};
    if (arena_.judge != nullptr) out.update({{"judge", arena_.judge->identity()}, {"rubric", arena_.rubric}});
    return out;
  }

  const compare::Arena& arena_;
  const std::vector<compare::Prompt>& prompts_;
  std::optional<RunLog> log_;
  std::map<std::string, compare::Result> earlier_;
};

bool has_tests(const std::vector<compare::Prompt>& prompts) {
  return std::ranges::any_of(prompts,
                             [](const compare::Prompt& one) { return one.expected.tests.has_value(); });
}

int compare_both(const CompareOptions& o) {
  const SideSpec a = compare::parse_side(o.a), b = compare::parse_side(o.b);
  std::vector<SideSpec> sides{a, b};
  if (!o.judge.empty()) sides.push_back(compare::parse_side(o.judge));
  const auto prompts = chosen_prompts(o);
  std::optional<compare::Sandbox> sandbox;
  if (!o.no_code && has_tests(prompts)) try {
      sandbox.emplace();
    } catch (const Error& error) {
      fail("{} (--no-code)", error.what());
    }

  const CatchInterrupt interrupt;
  Speakers speakers(o, sides, interrupt.flag());
  const auto speaker_a = speakers.make(a, "A", o.price_a), speaker_b = speakers.make(b, "B", o.price_b);
  std::unique_ptr<Speaker> judge;
  if (!o.judge.empty()) judge = speakers.make(sides.back(), "JUDGE", "");
  const compare::Arena arena{
      .a = *speaker_a,
      .b = *speaker_b,
      .sandbox = sandbox ? &*sandbox : nullptr,
      .judge = judge.get(),
      .rubric = o.rubric.empty() ? std::string(compare::default_rubric()) : read_text(o.rubric)};
  const auto results = Comparison(o, arena, prompts).run(interrupt.flag());
  if (results.empty()) return kInterrupted;

  const compare::Summary summary = compare::summarise(results);
  const compare::Titles titles{
      .a = o.a,
      .b = o.b,
      .about = fmt::format("{} of {} prompts, {} tokens at most, temperature {}, seed {}", results.size(),
                           prompts.size(), o.max_tokens, o.temperature, o.seed)};
  if (o.common.json) {
    nlohmann::ordered_json out{{"a", o.a}, {"b", o.b}, {"prompts", results.size()}};
    out.update(to_json(summary));
    print(json_text(out, 2) + "\n");
  } else {
    print(to_text(titles, results, summary));
  }
  if (!o.report.empty()) write_file(o.report, to_html(titles, results, summary));
  return interrupt.flag() ? kInterrupted : kDone;
}

void add_compare_options(Command command, CompareOptions& o) {
  command
      .add_option("--prompts", o.prompts,
                  "JSONL of prompts, or a set that comes with dsa (docs/compare.md); "
                  "repeatable (default: all those sets)")
      .type_name("FILE|SET");
  command.add_option("--each", o.each, "ask the first N of each set alone (default: all)")
      .type_name("N")
      .check(whole<std::int64_t>(1, 1'000'000));
  command.add_option("--max-tokens", o.max_tokens, "longest answer in tokens")
      .check(whole<std::int64_t>(1, 1 << 24))
      .show_default();
  command.add_option("--temperature", o.temperature, "how bold the choice of tokens is (0: always the best)")
      .check(within(0, 2))
      .show_default();
  command.add_option("--seed", o.seed, "of both sides' draws").check(whole<std::uint64_t>()).show_default();
  command
      .add_option(
          "--price-a", o.price_a,
          "an API of `dsa cost` by its name, or dollars a million tokens, as 0.028,0.28,0.42 (default: the "
          "announcement's for a model here, none for a URL)")
      .type_name("NAME|HIT,MISS,OUTPUT");
  command.add_option("--price-b", o.price_b, "the same of B").type_name("NAME|HIT,MISS,OUTPUT");
  command
      .add_option("--jsonl", o.jsonl,
                  "keep every prompt's answers and figures in this file as soon as they are there, "
                  "and go on from what it holds")
      .type_name("FILE");
  command.add_option("--report", o.report, "write an HTML file with all of it, which needs nothing else")
      .type_name("FILE");
  command
      .add_option("--judge", o.judge,
                  "also ask this model or URL which answer is better, twice with the places swapped")
      .type_name("MODEL|URL");
  command
      .add_option("--rubric", o.rubric, "what the judge goes by (default: right, complete, not repetitive)")
      .type_name("FILE");
  command.add_flag("--no-code", o.no_code, "run no code of answers, which else wants bubblewrap");
}

}  // namespace

Action declare_compare(Command command) {
  auto o = std::make_shared<CompareOptions>();
  command
      .add_option(
          "a", o->a,
          "a model, as smollm2, smollm2:dense, smollm2:top-k=1024, or a URL, as http://localhost:8000#MODEL")
      .type_name("A")
      .required();
  command.add_option("b", o->b, "the other one").type_name("B").required();
  add_options(command, o->common, {OptionGroup::engine, OptionGroup::json});
  for (const char* option : {"--attention", "--top-k", "--top-k-layers"}) command.remove_option(option);
  add_compare_options(command, *o);
  command.footer(
      "Length, repetition, equality, agreement with what was expected, code that passes its tests\n"
      "(in a sandbox without network), speed and cost: prompt by prompt and in all, paired, with 95 %\n"
      "intervals (docs/compare.md). Ctrl-C reports what was finished.\n"
      "A server's key is read from DSA_KEY_A, DSA_KEY_B, DSA_KEY_JUDGE.\n\nExample:\n"
      "  dsa compare smollm2 smollm2:dense --report compare.html\n");
  return [o] { return compare_both(*o); };
}

}  // namespace dsa::cli
