#include "rl/episodes/player.h"

#include <deque>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kMostTurns = 64;
constexpr std::int64_t kAtOnce = 256;  // messages that are written in a pass, at most

/// An episode that is being played.
struct Live {
  std::int64_t task = 0, sample = 0, turn = 0;
  std::unique_ptr<Episode> episode = {};
  Played played = {};
  std::vector<std::int32_t> message = {};  // the one being written, without its end
};

class Table {
 public:
  Table(Runner& runner, const Wording& wording, std::span<const Seat> seats, const PlaySettings& s)
      : wording_(wording),
        settings_(s),
        engine_(runner, wording.tokenizer(), {.max_running = kAtOnce, .speculation = Speculation::off}) {
    DSA_CHECK(s.samples >= 1 && s.message_tokens >= 1);
    for (std::size_t t = 0; t < seats.size(); ++t) {
      const auto prompt = wording.prompt(seats[t]);
      if (std::ssize(prompt) >= s.context)
        fail(
            "a task's prompt has {} tokens, an episode holds {}: raise the context, lower the difficulty, or "
            "stretch prompts less",
            prompt.size(), s.context);
      const std::size_t first = live_.size();
      for (std::int64_t i = 0; i < s.samples; ++i) {
        live_.push_back(
            {.task = static_cast<std::int64_t>(t), .sample = i, .episode = seats[t].task->begin()});
        live_.back().played.tokens = prompt;
      }
      ask(first, static_cast<std::int32_t>(s.samples));
    }
  }

  bool go(const std::atomic<bool>& cancel, const std::function<void(std::int64_t)>& progress) {
    for (std::int64_t told = 0; over_ < std::ssize(live_);) {
      if (cancel) {
        engine_.cancel_all();
        return false;
      }
      engine_.step();
      for (; !ended_.empty(); ended_.pop_front()) end_message(ended_.front().first, ended_.front().second);
      if (progress && over_ > told) progress(told = over_);
    }
    return true;
  }

  std::vector<std::vector<Played>> take() {
    std::vector<std::vector<Played>> out;
    for (std::size_t i = 0; i < live_.size(); ++i) {
      if (live_[i].sample == 0) out.emplace_back();
      out.back().push_back(std::move(live_[i].played));
    }
    return out;
  }

 private:
  // The next message of `count` episodes from live_[first] on, which have the same tokens so far.
  void ask(std::size_t first, std::int32_t count) {
    const Live& of = live_[first];
    Request request;
    request.prompt = of.played.tokens;
    request.sampling.temperature = settings_.temperature;
    request.sampling.top_p = settings_.top_p;
    request.sampling.seed =
        CounterRng(settings_.seed, static_cast<std::uint64_t>(of.task))
            .at(static_cast<std::uint64_t>((count > 1 ? 0 : of.sample) * kMostTurns + of.turn));
    request.choices = count;
    request.max_tokens = std::min(settings_.message_tokens, settings_.context - std::ssize(request.prompt));
    request.stop_tokens = {wording_.end()};
    request.log_probs = 0;
    request.run = settings_.run;
    engine_.check(request);
    engine_.add(std::make_shared<const Submission>(
        Submission{.request = std::move(request),
                   .sink = [this, first](Event&& event) { note(first + usize(event.choice), event); },
                   .cancelled = never_,
                   .submitted = {}}));
  }

  void note(std::size_t i, const Event& event) {
    if (const auto* finished = std::get_if<Finished>(&event.what)) ended_.emplace_back(i, *finished);
    const auto* token = std::get_if<NewToken>(&event.what);
    if (token == nullptr) return;
    Live& live = live_[i];
    live.played.written.push_back(static_cast<std::int32_t>(live.played.tokens.size()));
    live.played.tokens.push_back(token->id);
    live.played.log_probs.push_back(token->log_probs->log_prob);
    if (!token->stops) live.message.push_back(token->id);
  }

  void end_message(std::size_t i, const Finished& finished) {
    Live& live = live_[i];
    if (finished.reason == FinishReason::failed) fail("{}", finished.error);
    live.played.messages.push_back(wording_.tokenizer().decode(live.message, /*skip_special=*/true));
    live.message.clear();
    std::optional<std::string> reply;
    if (finished.reason == FinishReason::stop)
      reply = live.episode->reply(live.played.messages.back());
    else
      live.played.cut = true;
    ++live.turn;
    if (reply) {
      const auto said = wording_.reply(*reply);
      if (std::ssize(live.played.tokens) + std::ssize(said) < settings_.context && live.turn < kMostTurns) {
        live.played.tokens.insert(live.played.tokens.end(), said.begin(), said.end());
        return ask(i, 1);
      }
      live.played.cut = true;  // nobody reads that reply
    }
    live.played.score = live.episode->score();
    ++over_;
  }

  const Wording& wording_;
  const PlaySettings& settings_;
  StepEngine engine_;
  std::vector<Live> live_;  // a task's samples beside each other
  std::deque<std::pair<std::size_t, Finished>> ended_;
  std::shared_ptr<std::atomic<bool>> never_ = std::make_shared<std::atomic<bool>>(false);
  std::int64_t over_ = 0;
};

}  // namespace

std::optional<std::vector<std::vector<Played>>> play(Runner& runner, const Wording& wording,
                                                     std::span<const Seat> seats,
                                                     const PlaySettings& settings,
                                                     const std::atomic<bool>& cancel,
                                                     const std::function<void(std::int64_t)>& progress) {
  Table table(runner, wording, seats, settings);
  if (!table.go(cancel, progress)) return std::nullopt;
  return table.take();
}

}  // namespace dsa::rl
