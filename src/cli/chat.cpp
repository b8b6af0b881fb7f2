// dsa chat [MODEL]
#include <algorithm>
#include <array>
#include <memory>

#include "base/env.h"
#include "base/error.h"
#include "cli/conversation.h"
#include "cli/line_reader.h"
#include "cli/model_report.h"
#include "cli/settings.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

enum class Keep : std::uint8_t { history, nothing };

// One talk: the messages so far, and the commands that start with a slash.
// Everything but answers goes to stderr.
class Chat {
 public:
  Chat(const Options& options, Keep history)
      : options_(options), history_(history), conversation_(options, WithoutFormat::refuse) {
    if (!options.file.empty()) document_ = read_text(options.file);
    reset();
  }

  int talk() {
    introduce();
    LineReader reader("> ",
                      history_ == Keep::history ? dsa_home() / "chat_history" : std::filesystem::path());
    if (!options_.prompt.empty()) ask(options_.prompt);
    std::string line;
    while (!finished_) {
      const auto event = reader.read(line);
      if (event == LineReader::Event::end) break;
      if (event == LineReader::Event::interrupted || line.empty()) continue;
      try {
        is_command(line) ? command(line) : ask(spoken(line));
      } catch (const Error& error) {  // this answer failed, the talk goes on
        fmt::print(stderr, "dsa: {}\n", as_typed(error.what()));
        failed_ = true;
      }
    }
    if (stdin_is_terminal()) fmt::print(stderr, "\n");
    // A person has seen the message; a script looks at the status.
    return failed_ && !stdin_is_terminal() ? kFailed : kDone;
  }

 private:
  struct Command {
    std::string_view name;
    std::string_view help;
    void (Chat::*act)();
  };
  static const std::array<Command, 6> kCommands;

  [[nodiscard]] std::string attention_text(std::int64_t topk) const {
    if (topk == 0 || options_.attention == "dense") return "dense";
    return fmt::format("sparse ({} tokens at a time)", topk);
  }

  void introduce() {
    if (!stdin_is_terminal()) return;
    const LoadedModel& model = conversation_.model();
    fmt::print(stderr,
               "{}: {} layers, context of {} tokens, kernels {}, {} attention. /help lists commands.\n",
               printable(options_.model), model.config().num_hidden_layers, model.context(),
               model.transformer().kernels().name, attention_text(model.topk()));
    if (!document_.empty())
      fmt::print(stderr, "{}: {} tokens; ask about it.\n", printable(options_.file),
                 conversation_.tokens_of(document_));
  }

  // A slash word that is no command is taken for a mistyped one where it stands alone; with more behind it,
  // it is a question ("/no_think What is 2+2?", "/etc/fstab has which fields?").
  [[nodiscard]] static bool is_command(std::string_view line) {
    if (!line.starts_with('/') || line.starts_with("//")) return false;
    const auto space = line.find(' ');
    return space == std::string_view::npos ||
           std::ranges::find(kCommands, line.substr(0, space), &Command::name) != kCommands.end();
  }
  static std::string spoken(const std::string& line) {
    return line.starts_with("//") ? line.substr(1) : line;
  }

  void command(std::string_view line) {
    const auto name = line.substr(0, line.find(' '));
    const auto found = std::ranges::find(kCommands, name, &Command::name);
    if (found != kCommands.end()) return (this->*found->act)();
    fmt::print(stderr, "{}: no such command; /help lists them, /{} would be a question\n", printable(name),
               printable(name));
  }

  void show_help() {
    for (const auto& c : kCommands) fmt::print(stderr, "{:<10}{}\n", c.name, c.help);
    fmt::print(stderr, "{:<10}{}\n", "//...", "a question that begins with a slash");
    fmt::print(stderr, "{:<10}{}\n", "Ctrl-C", "stops the answer");
  }

  void quit() { finished_ = true; }

  void reset() {
    messages_ = opening_messages(options_);
    document_told_ = document_.empty();
    last_.reset();
  }

  // The document goes in front of the first question; later turns find it in the cache.
  void ask(const std::string& text) {
    const std::size_t before = messages_.size();
    messages_.push_back(
        {.role = Role::user, .content = document_told_ ? text : about_document(document_, text)});
    try {
      const auto result = answer();
      if (result.finish_reason == FinishReason::failed) fail("{}", result.error);
      messages_.push_back(conversation_.as_message(result.text, messages_));
      last_ = result.timings;
      document_told_ = true;
    } catch (...) {
      messages_.resize(before);
      throw;
    }
  }

  Answer answer() {
    const auto prompt = conversation_.encode(messages_);
    const std::int64_t context = conversation_.model().context();
    if (static_cast<std::int64_t>(prompt.size()) >= context)
      fail("the talk has {} tokens, the context holds {}: /reset starts anew, --ctx may widen it",
           prompt.size(), context);
    const CatchInterrupt interrupt;
    auto result = conversation_.answer(prompt, interrupt.flag(), print);
    print("\n");
    if (result.finish_reason == FinishReason::cancelled) fmt::print(stderr, "(stopped)\n");
    if (result.finish_reason == FinishReason::repetition)
      fmt::print(stderr, "(it repeated itself and was ended: see --no-stop-repetition)\n");
    if (result.finish_reason == FinishReason::length)
      fmt::print(stderr, "(cut after {} tokens: see --max-tokens and --ctx)\n", result.tokens.size());
    return result;
  }

  void show_stats() {
    if (!last_) return fmt::print(stderr, "nothing has been answered yet\n");
    fmt::print(stderr, "{}\n", to_text(*last_));
    const LoadedModel& model = conversation_.model();
    const std::int64_t tokens = last_->prompt_tokens + last_->completion_tokens;
    fmt::print(stderr, "context: {} of {} tokens; memory: {} at most\n", tokens, model.context(),
               human_bytes(last_->peak_rss_bytes));
    const AttentionCounters& rows = conversation_.attention();
    fmt::print(stderr, "attention: {} token rows dense, {} over a selection\n", rows.dense_rows,
               rows.sparse_rows);
    if (rows.sparse_rows > 0 && tokens > model.topk())
      fmt::print(stderr, "selection: the last token attended to {} of {} tokens ({:.0f} %)\n", model.topk(),
                 tokens, 100 * static_cast<double>(model.topk()) / static_cast<double>(tokens));
  }

  void compare() {
    if (!conversation_.model().has_indexer())
      return fmt::print(
          stderr,
          "this model has no indexer, so there is nothing to compare: give it one with --indexer DIR\n");
    const auto question =
        std::ranges::find(messages_.rbegin(), messages_.rend(), Role::user, &ChatMessage::role);
    if (question == messages_.rend()) return fmt::print(stderr, "ask something first\n");
    const std::vector<ChatMessage> all = messages_;
    messages_.erase(question.base(), messages_.end());
    fmt::print(stderr, "-- dense\n");
    const auto dense = answer_with(AttentionMode::dense);
    fmt::print(stderr, "-- sparse\n");
    const auto sparse = answer_with(AttentionMode::sparse);
    conversation_.set_run(run_options(options_));
    messages_ = all;
    const auto same = std::ranges::mismatch(dense.tokens, sparse.tokens).in1 - dense.tokens.begin();
    fmt::print(stderr, "-- the first {} tokens are the same (dense {}, sparse {})\n", same,
               dense.tokens.size(), sparse.tokens.size());
  }

  Answer answer_with(AttentionMode mode) {
    conversation_.set_run({.attention = mode});
    auto result = answer();
    fmt::print(stderr, "{}\n", to_text(result.timings));
    return result;
  }

  Options options_;
  Keep history_;
  Conversation conversation_;
  std::string document_;
  bool document_told_ = true;
  std::vector<ChatMessage> messages_;
  std::optional<Timings> last_;
  bool finished_ = false;
  bool failed_ = false;
};

const std::array<Chat::Command, 6> Chat::kCommands{{
    {"/help", "these commands", &Chat::show_help},
    {"/stats", "speed of the last answer, context used, what attention looked at", &Chat::show_stats},
    {"/compare", "the last question again, dense beside sparse", &Chat::compare},
    {"/reset", "forget the talk", &Chat::reset},
    {"/quit", "end (or Ctrl-D)", &Chat::quit},
    {"/exit", "the same", &Chat::quit},
}};

}  // namespace

Action declare_chat(Command command) {
  auto options = std::make_shared<Options>();
  add_options(command, *options,
              {OptionGroup::model, OptionGroup::prompt, OptionGroup::sampling, OptionGroup::engine,
               OptionGroup::answers, OptionGroup::cache});
  auto no_history = std::make_shared<bool>(false);
  command.add_flag("--no-history", *no_history,
                   "do not read or write the questions typed before ($DSA_HOME/chat_history)");
  command.footer(
      "Lines from a pipe are questions too; answers go to stdout.\n\nExample:\n  dsa chat smollm2\n"
      "  dsa chat smollm2 --file README.md\n");
  return [options, no_history] { return Chat(*options, *no_history ? Keep::nothing : Keep::history).talk(); };
}

}  // namespace dsa::cli
