// dsa rl sft --domains LIST --out DIR: a model learns to write solutions, or episodes from a file.
#include <memory>

#include "cli/train_rl.h"
#include "cli/train_rl_session.h"
#include "rl/train/sft_trainer.h"

namespace dsa::cli {
namespace {

struct Options : TrainOptions {
  std::string examples;
  rl::SftSettings settings;
};

int rl_sft(Command command, const Options& o) {
  RlSession<rl::SftSettings> session(command, o, o.settings);
  std::vector<rl::Example> examples;
  if (!o.examples.empty()) examples = rl::read_examples(o.examples);
  const auto context =
      session.begin(o, o.settings, o.examples.empty() ? "solutions of tasks" : file_hash(o.examples));
  rl::TaskCurriculum curriculum(session.domains, session.checkpoint->settings, session.wording(), examples);
  rl::SftTrainer trainer(context, curriculum, std::move(*session.checkpoint));
  return run_training(trainer, o, [&](const train::TrainingLoop& loop) { return rl_closing(loop, o); });
}

constexpr SettingHelp kMixedHelp[] = {{"mixed", "share of the solutions that are in two languages at once"}};

}  // namespace

Action declare_rl_sft(Command command) {
  auto o = std::make_shared<Options>();
  add_rl_options(command, *o, o->settings, kSftHelp);
  add_settings(command, o->settings, kMixedHelp);
  command
      .add_option("--examples", o->examples,
                  "episodes to learn, as dsa rl distill keeps them (default: solutions, always new ones)")
      .type_name("FILE");
  command.footer(
      "A model learns what a solution looks like: before rewards can teach it anything it must be right "
      "sometimes.\nOnly what the model itself is to write is learnt.  Ctrl-C saves and stops.\n\nExamples:\n"
      "  dsa rl sft --domains all --out my-start --hours 0.5\n"
      "  dsa rl sft --domains all --out my-start --resume\n");
  return [command, o] { return rl_sft(command, *o); };
}

}  // namespace dsa::cli
