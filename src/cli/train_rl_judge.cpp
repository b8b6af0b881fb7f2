// dsa rl judge --out DIR: a model learns to answer a rubric's lines about attempts at tasks.
#include <memory>

#include "cli/train_rl.h"
#include "cli/train_rl_session.h"
#include "rl/train/sft_trainer.h"

namespace dsa::cli {
namespace {

struct Options : TrainOptions {
  rl::SftSettings settings;
};

std::string judge_closing(const train::TrainingLoop& loop, const TrainOptions& o) {
  std::string out;
  if (const auto* look = last_look(loop.log()); look != nullptr && look->reward) {
    out = "verdicts that are the rules', of attempts not trained on:\n";
    for (const auto& [line, share] : look->reward->domains)
      out += fmt::format("  {:5.1f} %  {}?\n", 100 * share, line);
  }
  return out +
         fmt::format("{0}: the judge (dsa rl grpo --judge {0}), README.md, report.html, train_log.jsonl\n",
                     printable(o.out, 1000));
}

int rl_judge(Command command, const Options& o) {
  RlSession<rl::SftSettings> session(command, o, o.settings);
  const auto context = session.begin(o, o.settings, "verdicts of a rubric");
  rl::JudgeCurriculum curriculum(session.domains, session.checkpoint->settings, session.tokenizer);
  rl::SftTrainer trainer(context, curriculum, std::move(*session.checkpoint));
  return run_training(trainer, o, [&](const train::TrainingLoop& loop) { return judge_closing(loop, o); });
}

}  // namespace

Action declare_rl_judge(Command command) {
  auto o = std::make_shared<Options>();
  o->settings.learns = "verdicts";
  add_rl_options(command, *o, o->settings, kSftHelp);
  command.footer(
      "It reads a task, an attempt and a line of the rubric, and says yes or no.  Attempts are solutions,\n"
      "right ones and ones that are spoilt in many ways; the rules know the verdicts.  As a reward\n"
      "(dsa rl grpo --judge DIR) an episode is worth the mean chance of yes.  Ctrl-C saves and stops.\n\n"
      "Examples:\n"
      "  dsa rl judge --domains all --out my-judge --hours 0.5\n"
      "  dsa rl eval --model my-start --domains all --judge my-judge\n");
  return [command, o] { return rl_judge(command, *o); };
}

}  // namespace dsa::cli
