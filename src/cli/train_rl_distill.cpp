// dsa rl distill --teacher DIR:DOMAIN ... --out DIR: what specialists solved, taught to one model.
#include <fstream>
#include <memory>
#include <sstream>

#include "base/atomic_file.h"
#include "cli/train_rl.h"
#include "cli/train_rl_session.h"
#include "rl/train/collect.h"
#include "rl/train/sft_trainer.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

struct Options : TrainOptions {
  std::vector<std::string> teachers;
  std::int64_t episodes = 1000, message_tokens = 128, samples = 4;
  rl::SftSettings settings;
};

struct Teacher {
  std::string folder;
  rl::DomainShare domain;
};

std::vector<Teacher> parse_teachers(const std::vector<std::string>& typed) {
  std::vector<Teacher> out;
  for (const auto& text : typed) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0)
      fail("--teacher {}: expected FOLDER:DOMAIN, as in my-specialist:counting or :counting@4",
           printable(text));
    out.push_back(
        {.folder = text.substr(0, colon), .domain = rl::parse_domains(text.substr(colon + 1)).front()});
  }
  return out;
}

std::string domains_of(std::span<const Teacher> teachers) {
  std::string out;
  for (const auto& teacher : teachers) out += (out.empty() ? "" : ",") + text_of(teacher.domain);
  return out;
}

// Writes what the teacher solves to `to`, at once; a file that is there stays.  False if interrupted.
bool collect_from(const Teacher& teacher, const Options& o, const fs::path& to,
                  const std::atomic<bool>& cancel) {
  std::error_code ignored;
  if (fs::exists(to, ignored)) return true;
  auto opened = open_for_tasks(resolve_model(teacher.folder));
  const Tokenizer tokenizer = fitting_tokenizer(opened.files);
  const Exec exec(o.threads > 0 ? o.threads : Exec::default_threads());
  ProgressLine line({.verb = teacher.domain.domain->name, .unit = "solved episodes", .speed = ""});
  const auto examples = rl::collect(std::move(opened), tokenizer,
                                    {.domain = teacher.domain,
                                     .settings = o.settings,
                                     .message_tokens = o.message_tokens,
                                     .samples = o.samples,
                                     .episodes = o.episodes},
                                    exec, cancel, [&](std::int64_t done) { line.update(done, o.episodes); });
  line.clear();
  if (!examples) return false;
  if (examples->empty())
    fail("--teacher {}: solved no task of {}: train it first (dsa rl grpo), or give easier tasks",
         printable(teacher.folder), teacher.domain.domain->name);
  std::string text;
  for (const auto& example : *examples) text += to_line(example);
  write_file(to, text);
  fmt::print(stderr, "{}: {} episodes solved by {}\n", teacher.domain.domain->name, examples->size(),
             printable(teacher.folder));
  return true;
}

std::string whole_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

int rl_distill(Command command, const Options& typed) {
  Options o = typed;
  const auto teachers = parse_teachers(o.teachers);
  if (teachers.empty()) fail("--teacher is missing: give FOLDER:DOMAIN for each specialist");
  o.settings.domains = domains_of(teachers);
  validate(o.settings);
  if (!o.resume) refuse_second_training(o);
  create_out_folder(o);
  const fs::path accepted = fs::path(o.out) / "accepted.jsonl";
  std::error_code ignored;
  if (!fs::exists(accepted, ignored)) {
    const CatchInterrupt interrupt;
    std::string all;
    for (std::size_t i = 0; i < teachers.size(); ++i) {
      const fs::path own =
          fs::path(o.out) / fmt::format("accepted-{}-{}.jsonl", i + 1, teachers[i].domain.domain->name);
      if (!collect_from(teachers[i], o, own, interrupt.flag())) {
        fmt::print(stderr, "stopped; the same command goes on\n");
        return kInterrupted;
      }
      all += whole_file(own);
    }
    write_file(accepted, all);
  }
  const auto examples = rl::read_examples(accepted);
  o.resume = o.resume && fs::exists(fs::path(o.out) / train::kCheckpointFile, ignored);
  RlSession<rl::SftSettings> session(command, o, o.settings);
  const auto context =
      session.begin(o, o.settings, fmt::format("{} episodes of {}", examples.size(), o.settings.domains));
  rl::TaskCurriculum curriculum(session.domains, session.checkpoint->settings, session.wording(), examples);
  rl::SftTrainer trainer(context, curriculum, std::move(*session.checkpoint));
  return run_training(trainer, o, [&](const train::TrainingLoop& loop) { return rl_closing(loop, o); });
}

}  // namespace

Action declare_rl_distill(Command command) {
  auto o = std::make_shared<Options>();
  add_rl_options(command, *o, o->settings, kSftHelp);
  command.remove_option("--domains");
  command
      .add_option("--teacher", o->teachers,
                  "a specialist and its domain; their answers that were right are what is taught")
      .type_name("FOLDER:DOMAIN...");
  command.add_option("--episodes", o->episodes, "solved episodes of each teacher, at most one of a task")
      .check(whole<std::int64_t>(1, 10'000'000))
      .show_default();
  command.add_option("--samples", o->samples, "episodes that a teacher plays of each task")
      .check(whole<std::int64_t>(1, 128))
      .show_default();
  command.add_option("--message-tokens", o->message_tokens, "tokens of a teacher's message, at most")
      .check(whole<std::int64_t>(1, 8192))
      .show_default();
  command.footer(
      "Each teacher plays tasks of its domain, in both styles; the first episode that solved a task is kept "
      "(accepted.jsonl),\nand --model learns all of them.  Ctrl-C saves and stops.\n\nExample:\n"
      "  dsa rl distill --model my-start --teacher my-counter:counting my-solver:logic --out my-distilled "
      "--hours 0.2\n");
  return [command, o] { return rl_distill(command, *o); };
}

}  // namespace dsa::cli
