#include "rl/rollout.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "base/who.h"
#include "engine/ask.h"
#include "text/chat_turns.h"

namespace dsa {
namespace {

constexpr std::uint64_t kAnswers = std::uint64_t{2} << 32;  // stream of the answers' seeds
constexpr std::uint64_t kAttempts = 8;                      // at an answer that is not blank
constexpr double kTemperature = 0.7;

// Answers are short: with all of them a conversation costs little more than to read it.
std::int64_t longest_answer(std::int64_t tokens) { return std::max<std::int64_t>(16, tokens / 128); }

// What a limit cut off goes on after a full stop or a line: back to that, if it leaves half.
std::string_view whole_sentences(std::string_view text) {
  const auto stop = text.find_last_of(".!?\n");
  return stop != std::string_view::npos && stop >= text.size() / 2 ? text.substr(0, stop + 1) : text;
}

}  // namespace

Rollout::Rollout(const std::filesystem::path& model, std::int64_t tokens, int threads,
                 const std::string& chat_format)
    : Rollout(model, LoadOptions{.context = tokens, .threads = threads, .use_indexer = false}, chat_format) {}

Rollout::Rollout(const std::filesystem::path& model, const LoadOptions& load, const std::string& chat_format)
    : Rollout(with_indexer(open_model(model), load), load, chat_format) {}

Rollout::Rollout(OpenedModel opened, const LoadOptions& load, const std::string& chat_format)
    : tokenizer_(fitting_tokenizer(opened.files)),
      prompt_(opened.files, tokenizer_, {.name = chat_format}),
      model_(std::move(opened), load),
      tokens_(load.context),
      engine_(model_, tokenizer_, {.max_running = 1}) {}

std::int64_t Rollout::tokens_of(std::span<const ChatMessage> messages) const {
  if (messages.empty()) return 0;
  return static_cast<std::int64_t>(prompt_.encode(messages, {.add_generation_prompt = false}).size());
}

std::string Rollout::answer(std::span<const ChatMessage> messages, const CounterRng& seeds,
                            const std::atomic<bool>& cancel) {
  const auto prompt = prompt_.encode(messages);
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    Request request;
    request.prompt = prompt;
    request.sampling.temperature = kTemperature;
    request.sampling.seed = seeds.at(messages.size() * kAttempts + attempt);
    request.max_tokens = longest_answer(tokens_);
    request.stop_tokens = prompt_.stop_ids();
    const auto result = ask(engine_, std::move(request), {}, cancel);
    if (result.finish_reason == FinishReason::cancelled) return {};
    if (result.finish_reason == FinishReason::failed) fail("{}", result.error);
    const std::string_view text = result.text;
    const auto said = trimmed(result.finish_reason == FinishReason::length ? whole_sentences(text) : text);
    if (!said.empty() && said.find('\0') == std::string_view::npos) return std::string(said);
  }
  fail("{}: gave no text in answer to a question, {} times in a row: it was not made to hold a conversation",
       who(model_.files().path), kAttempts);
}

std::optional<std::vector<ChatMessage>> Rollout::conversation(const Passages& passages, std::uint64_t seed,
                                                              std::int64_t number,
                                                              const VisitProgress& progress,
                                                              const std::atomic<bool>& cancel) {
  ChatTurns turns(passages, tokens_, seed, number);
  const CounterRng seeds(seed, kAnswers + static_cast<std::uint64_t>(number));
  std::vector<ChatMessage> messages;
  std::int64_t done = 0;
  const auto room = [&] {
    return tokens_ - done - longest_answer(tokens_) - ChatTurns::kFrame;  // a token has a byte or more
  };
  do {
    messages.push_back({.role = Role::user, .content = turns.next(room())});
    std::string said = answer(messages, seeds, cancel);
    if (said.empty()) return std::nullopt;
    messages.push_back({.role = Role::assistant, .content = std::move(said)});
    done = tokens_of(messages);
    if (progress) progress(done);
  } while (room() > 0);
  for (std::int64_t bytes = tokens_ - done; done < tokens_; bytes *= 2) {
    if (messages.back().role == Role::user) messages.pop_back();
    messages.push_back({.role = Role::user, .content = turns.closing(bytes)});
    done = tokens_of(messages);
  }
  return messages;
}

}  // namespace dsa
