// dsa rl recipe --out DIR: specialists, distilled into one model, one mixed stage, beside five in a row.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <memory>
#include <system_error>

#include "base/atomic_file.h"
#include "base/error.h"
#include "cli/checks.h"
#include "cli/rl_claims.h"
#include "cli/rl_recipe_page.h"
#include "cli/terminal.h"
#include "cli/train_rl.h"
#include "rl/train/settings.h"
#include "train/loop/progress.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

// A stage's share of the hours; what is left over is for playing and loading.  Of tokens likewise, where one
// that is taught counts twice: it takes as long as two of an episode.
struct Share {
  double part;
  bool taught = false;
};
constexpr Share kStart{0.08, true}, kSpecialists{0.55}, kDistill{0.07, true}, kMixed{0.13}, kControl{0.13};
// Episodes with tools are several messages long: their domains get more of the time, and fewer of them make a
// step.
constexpr int kToolsWeight = 2;
constexpr const char* kStageDone = "done";  // a file in a stage's folder

struct RecipeOrder {
  std::string model = "tiny-v32", out;
  std::string domains = "mathematics@1:4,programming@4,logic@3:2,coding@4,search@4";
  double hours = 2.5, stretched = 0.1, again = 0;
  std::int64_t tokens = 0;  // 0: hours
  std::int64_t context = 512, hardest = 2, stretch = 450, message_tokens = 128, tasks = 0, episodes = 1000,
               seed = 0;
  std::int64_t step_tasks = 32, samples = 8;
  std::string attention = "sparse";
  int threads = 0;
};

using Words = std::vector<std::string>;

// Runs this program with other arguments; its exit status.
int run_self(const Words& arguments) {
  Words all{fs::read_symlink("/proc/self/exe").string(), "rl"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) fail("recipe: cannot start a stage: {}", std::generic_category().message(errno));
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a stage saves and stops when the recipe is killed
    ::execv(argv.front(), argv.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail("recipe: cannot wait for a stage: {}", std::generic_category().message(errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : kFailed;
}

class Recipe {
 public:
  explicit Recipe(const RecipeOrder& o) : o_(o), domains_(rl::parse_domains(o.domains)) {
    std::error_code error;
    fs::create_directories(o.out, error);
    if (error) fail("--out {}: cannot create the folder: {}", printable(o.out, 1000), error.message());
  }

  // kDone, or what a stage ended with.
  int run() {
    if (const int s = stage("start", {"sft", "--model", o_.model, "--domains", o_.domains}, kStart); s != 0)
      return s;
    Words teachers{"distill",
                   "--model",
                   folder("start"),
                   "--episodes",
                   std::to_string(o_.episodes),
                   "--message-tokens",
                   std::to_string(o_.message_tokens),
                   "--teacher"};
    for (const auto& domain : domains_) {
      const std::string name = specialist(domain);
      if (const int s = by_reward(name, "start", domain, kSpecialists); s != 0) return s;
      teachers.push_back(folder(name) + ":" + text_of(domain));
    }
    if (const int s = stage("distilled", teachers, kDistill); s != 0) return s;
    if (const int s = by_reward("mixed", "distilled", o_.domains, o_.step_tasks, kMixed); s != 0) return s;
    std::string before = "distilled";
    for (std::size_t i = 0; i < domains_.size(); ++i) {
      const std::string name = fmt::format("in-a-row-{}", i + 1);
      if (const int s = by_reward(name, before, domains_[i], kControl); s != 0) return s;
      before = name;
    }
    in_a_row_ = before;
    return evaluate();
  }

 private:
  static std::string specialist(const rl::DomainShare& domain) {
    return "specialist-" + std::string(domain.domain->name);
  }
  [[nodiscard]] std::string folder(const std::string& stage) const {
    return (fs::path(o_.out) / stage).string();
  }

  [[nodiscard]] Words of_tasks() const {
    Words out{"--ctx",     std::to_string(o_.context), "--hardest",   std::to_string(o_.hardest),
              "--stretch", std::to_string(o_.stretch), "--stretched", fmt::format("{:g}", o_.stretched),
              "--seed",    std::to_string(o_.seed),    "--attention", o_.attention};
    if (o_.threads > 0) out.insert(out.end(), {"--threads", std::to_string(o_.threads)});
    return out;
  }

  int by_reward(const std::string& name, const std::string& from, const std::string& domains,
                std::int64_t step_tasks, Share share) {
    return stage(name,
                 {"grpo", "--model", folder(from), "--domains", domains, "--message-tokens",
                  std::to_string(o_.message_tokens), "--tasks", std::to_string(step_tasks), "--samples",
                  std::to_string(o_.samples), "--again", fmt::format("{:g}", o_.again)},
                 share);
  }

  static int weight(const rl::DomainShare& domain) {
    return rl::make_task(*domain.domain, {})->turns() > 1 ? kToolsWeight : 1;
  }
  // One domain's part of what all get one after the other.
  int by_reward(const std::string& name, const std::string& from, const rl::DomainShare& domain,
                Share share) {
    int all = 0;
    for (const auto& each : domains_) all += weight(each);
    share.part *= static_cast<double>(weight(domain)) / all;
    return by_reward(name, from, text_of(domain), std::max<std::int64_t>(1, o_.step_tasks / weight(domain)),
                     share);
  }

  // Of each domain in the evaluation.
  [[nodiscard]] std::int64_t tasks() const {
    if (o_.tasks > 0) return o_.tasks;
    if (o_.tokens > 0) return 500;
    return std::clamp<std::int64_t>(std::llround(200 * o_.hours), 20, 500);
  }

  int run_words(const std::string& name, const Words& words) {
    std::string line = "dsa rl";
    for (const auto& word : words) line += " " + word;
    fmt::print(stderr, "\n{}: {}\n", name, printable(line, 4000));
    return run_self(words);
  }

  [[nodiscard]] Words budget(Share share) const {
    if (o_.tokens == 0) return {"--hours", fmt::format("{:.6f}", o_.hours * share.part)};
    const double tokens = static_cast<double>(o_.tokens) * share.part / (share.taught ? 2 : 1);
    return {"--tokens", std::to_string(std::max<std::int64_t>(1, std::llround(tokens)))};
  }

  // Runs a training with its share, or goes on with it, or skips it, as its folder says.
  int stage(const std::string& name, Words words, Share share) {
    const fs::path own = folder(name);
    std::error_code ignored;
    if (fs::exists(own / kStageDone, ignored)) return kDone;
    const Words tasks = of_tasks();
    words.insert(words.end(), tasks.begin(), tasks.end());
    const Words own_budget = budget(share);
    words.insert(words.end(), {"--out", own.string()});
    words.insert(words.end(), own_budget.begin(), own_budget.end());
    if (fs::exists(own / train::kCheckpointFile, ignored)) words.emplace_back("--resume");
    const int status = run_words(name, words);
    if (status == kNothingToLearn) fmt::print(stderr, "{}: goes on with the model as it is\n", name);
    if (status != kDone && status != kNothingToLearn) return status;
    write_file(own / kStageDone, "");
    return kDone;
  }

  // Each model plays twice, by its likeliest token and drawn; beside it stands the result of one that played
  // before.
  int evaluate() {
    std::vector<std::pair<std::string, std::string>> models{{"start", ""}};
    for (const auto& domain : domains_) models.emplace_back(specialist(domain), "start");
    for (const std::string& name : {std::string("distilled"), in_a_row_}) models.emplace_back(name, "start");
    models.emplace_back("mixed", in_a_row_);
    const fs::path out = o_.out, sampled = out / kSampledFolder;
    std::error_code error;
    fs::create_directories(sampled, error);
    if (error) fail("{}: cannot create the folder: {}", printable(sampled.string(), 1000), error.message());
    for (const auto& [name, beside] : models) {
      if (const int status = evaluate_one(name, beside, out, "0"); status != kDone) return status;
      if (const int status = evaluate_one(name, beside, sampled, "1"); status != kDone) return status;
    }
    write_file(out / "report.html", recipe_page(out));
    print(claims_text(claims({{read_recipe(out)}}, {})));
    print("\nthe same, drawn at temperature 1 as in training:\n" +
          claims_text(claims({{read_recipe(sampled)}}, {})));
    print(fmt::format("{}/report.html: what came out; each stage has its own report beside its model\n",
                      printable(o_.out, 1000)));
    return kDone;
  }

  int evaluate_one(const std::string& name, const std::string& beside, const fs::path& results,
                   const std::string& temperature) {
    const fs::path to = results / ("eval-" + name + ".json");
    std::error_code ignored;
    if (fs::exists(to, ignored)) return kDone;
    Words words{"eval",
                "--model",
                folder(name),
                "--domains",
                o_.domains,
                "--tasks",
                std::to_string(tasks()),
                "--message-tokens",
                std::to_string(o_.message_tokens),
                "--temperature",
                temperature,
                "--to",
                to.string()};
    if (!beside.empty())
      words.insert(words.end(), {"--beside", (results / ("eval-" + beside + ".json")).string()});
    const Words tasks = of_tasks();
    words.insert(words.end(), tasks.begin(), tasks.end());
    return run_words("eval of " + name, words);
  }

  const RecipeOrder& o_;
  std::vector<rl::DomainShare> domains_;
  std::string in_a_row_;
};

}  // namespace

Action declare_rl_recipe(Command command) {
  auto o = std::make_shared<RecipeOrder>();
  command.add_option("--model", o->model, "what it begins with: a folder of a deepseek_v32, or tiny-v32")
      .type_name("MODEL")
      .show_default();
  command.add_option("--out", o->out, "folder for all stages; the same command goes on where it was stopped")
      .type_name("DIR")
      .required();
  command.add_option("--hours", o->hours, "how long all trainings take together")
      .check(within(1e-4, 1e4))
      .show_default();
  command
      .add_option("--tokens", o->tokens,
                  "tokens of all trainings, the same however fast the machine is; those that are taught, and "
                  "not played, count twice (an hour of one core: about 15 million)")
      .check(whole<std::int64_t>(1000, 1'000'000'000'000))
      .excludes(command.option("--hours"));
  command.add_option("--domains", o->domains, "NAME@HARDEST:SHARE,..., or all").show_default();
  command.add_option("--hardest", o->hardest, "difficulty of the hardest tasks, of domains that do not say")
      .check(whole<std::int64_t>(0, rl::kHardest))
      .show_default();
  command
      .add_option("--stretch", o->stretch,
                  "bytes that a prompt is stretched to by what does not matter; drawn evenly up to that")
      .check(whole<std::int64_t>(0, rl::kLongestTask))
      .show_default();
  command.add_option("--stretched", o->stretched, "share of the tasks whose prompts are stretched")
      .check(within(0.0, 1.0))
      .show_default();
  command.add_option("--ctx", o->context, "tokens of an episode, at most")
      .check(whole<std::int64_t>(8, 8192))
      .show_default();
  command.add_option("--message-tokens", o->message_tokens, "tokens of a message, at most")
      .check(whole<std::int64_t>(1, 8192))
      .show_default();
  command
      .add_option("--step-tasks", o->step_tasks,
                  "tasks of a step by reward; half as many in a domain with tools")
      .check(whole<std::int64_t>(1, 4096))
      .show_default();
  command.add_option("--samples", o->samples, "episodes of each")
      .check(whole<std::int64_t>(2, 128))
      .show_default();
  command
      .add_option("--again", o->again,
                  "share of a step's tasks that were solved sometimes when played last, and are played again")
      .check(within(0.0, 1.0))
      .show_default();
  command.add_option("--episodes", o->episodes, "that each specialist teaches")
      .check(whole<std::int64_t>(1, 10'000'000))
      .show_default();
  command.add_option("--tasks", o->tasks, "of each domain, in the evaluation")
      .check(whole<std::int64_t>(2, 1'000'000))
      .default_text("200 for each of --hours, 20 to 500; 500 with --tokens");
  command.add_option("--attention", o->attention, "sparse or dense, in every stage")
      .check(one_of({"sparse", "dense"}))
      .show_default();
  command.add_option("--seed", o->seed, "of everything")
      .check(whole<std::int64_t>(0, 1'000'000'000))
      .show_default();
  command
      .add_option("--threads", o->threads, "threads to compute with (default: DSA_THREADS, else every core)")
      .check(whole(1, 4096));
  command.footer(
      "start: a supervised start on all domains.  specialist-*: one by reward in each domain.\n"
      "distilled: what they solved, taught to the start.  mixed: one stage by reward over all domains.\n"
      "in-a-row-*: the same budget, one domain after the other.  Then all are evaluated, and report.html\n"
      "says what came out.  Every command that runs is printed.\n\n"
      "Example:\n  dsa rl recipe --out my-recipe --hours 2.5\n");
  return [o] { return Recipe(*o).run(); };
}

}  // namespace dsa::cli
