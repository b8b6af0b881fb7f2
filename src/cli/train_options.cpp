#include "cli/train_options.h"

#include "cli/options.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kDefaultHours = 1;

}  // namespace

void add_base_model(Command command, TrainOptions& o) {
  command
      .add_option("--model", o.model, "a folder with config.json and safetensors, a .gguf file, or smollm2")
      .type_name("MODEL")
      .show_default();
}

void add_train_options(Command command, TrainOptions& o, const std::string& threads_help) {
  command
      .add_option("--text", o.text,
                  "what to train on: files, or folders of files; "
                  "each file is one document, a *.chat.json a conversation")
      .type_name("PATH...")
      .required();
  command.add_option("--held-out", o.held_out, "text that is only looked at, for the report")
      .type_name("PATH...");
  add_chat_format(command, o.chat_format);
  add_run_options(command, o, threads_help);
}

void add_run_options(Command command, TrainOptions& o, const std::string& threads_help) {
  command.add_option("--out", o.out, "folder for the result, its checkpoint, log and report")
      .type_name("DIR")
      .required();
  Option hours = command
                     .add_option("--hours", o.budget.hours,
                                 "how long to train; turned into tokens after 20 steps, or "
                                 "when it is over (default: 1)")
                     .check(within(1e-4, 1e4));
  const Option tokens = command.add_option("--tokens", o.budget.tokens, "how many tokens to train on")
                            .check(whole<std::int64_t>(1, std::int64_t{1} << 50));
  hours.excludes(tokens);
  command
      .add_option("--threads", o.threads,
                  "threads to compute with (default: DSA_THREADS, else every core); " + threads_help)
      .check(whole(1, 4096));
  command.add_flag("--resume", o.resume,
                   "go on with the training in --out, to the same bits as if it had never stopped");
  command.add_option("--save-seconds", o.save_seconds, "time between checkpoints")
      .check(within(0.0, 1e6))
      .show_default();
}

void refuse_second_training(const TrainOptions& o) {
  if (fs::exists(fs::path(o.out) / train::kCheckpointFile))
    fail("{}: a training lies here already: --resume goes on with it, another --out begins a new one",
         printable(o.out, 1000));
}

fs::path checkpoint_to_resume(const TrainOptions& o) {
  fs::path path = fs::path(o.out) / train::kCheckpointFile;
  if (!fs::exists(path))
    fail("--resume: {} is not there: no training to go on with lies in {}", train::kCheckpointFile,
         printable(o.out, 1000));
  return path;
}

train::Budget budget_of(const TrainOptions& o) {
  train::Budget budget = o.budget;
  if (budget.tokens == 0 && budget.hours == 0) budget.hours = kDefaultHours;
  return budget;
}

void create_out_folder(const TrainOptions& o) {
  std::error_code error;
  fs::create_directories(o.out, error);
  if (error) fail("--out {}: cannot create the folder: {}", printable(o.out, 1000), error.message());
}

TrainText read_train_text(const TrainOptions& o, const Tokenizer& tokenizer, Architecture architecture,
                          std::int64_t context) {
  TrainText out{.text = read_documents(o.text, tokenizer, architecture, o.chat_format), .held_out = {}};
  static_cast<void>(cut_windows(out.text, context));
  if (o.held_out.empty()) return out;
  out.held_out = read_documents(o.held_out, tokenizer, architecture, o.chat_format);
  static_cast<void>(cut_windows(out.held_out, context));
  return out;
}

void check_context(std::int64_t context, const ModelConfig& config, const fs::path& model) {
  if (context > config.max_position_embeddings)
    fail("--ctx {}: {} was trained for {} tokens: give at most that", context,
         printable(model.string(), 1000), config.max_position_embeddings);
}

}  // namespace dsa::cli
