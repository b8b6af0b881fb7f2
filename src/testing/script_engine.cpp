#include "testing/script_engine.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/numeric.h"
#include "sampling/stop_matcher.h"
#include "tokenizer/stream_decoder.h"

namespace dsa::test {
namespace {

using std::chrono::milliseconds;

LogProbs log_probs_of(std::int32_t id, std::int32_t best) {
  LogProbs out{.log_prob = -0.5F, .best = {}};
  for (std::int32_t i = 0; i < best; ++i) out.best.push_back({id + i, -0.5F - static_cast<float>(i)});
  return out;
}

Selected selected_of(std::int64_t visible) {
  Selected out{.visible = visible, .layers = {{.layer = 0}, {.layer = 1}}};
  for (std::int32_t at = 0; at < visible; ++at)
    for (std::int32_t layer = 0; layer < 2; ++layer)
      if (at % (layer + 2) == 0) out.layers[usize(layer)].positions.push_back(at);
  return out;
}

}  // namespace

struct ScriptEngine::Play {
  Play(Request asked, EventSink to, std::shared_ptr<std::atomic<bool>> flag, const Tokenizer& tokenizer)
      : request(std::move(asked)),
        sink(std::move(to)),
        cancelled(std::move(flag)),
        decoder(tokenizer, !request.show_special),
        stops(request.stop_strings) {}
  Request request;
  EventSink sink;
  std::shared_ptr<std::atomic<bool>> cancelled;
  std::int32_t choice = 0;
  const ScriptedAnswer* answer = nullptr;
  std::vector<std::int32_t> tokens;
  std::size_t next = 0;
  bool begun = false;
  Clock::time_point due = Clock::now();
  Timings timings;
  StreamDecoder decoder;
  StopMatcher stops;
};

Script read_script(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  const auto json = parse_json(text.str(), path.string());
  Script script;
  script.context = json.value("context", script.context);
  script.queue = json.value("queue", script.queue);
  script.hangs = json.value("hangs", false);
  script.answers.clear();
  for (const auto& a : json.value("answers", nlohmann::json::array()))
    script.answers.push_back({.when = a.value("when", ""),
                              .text = a.value("text", ""),
                              .repeat = a.value("repeat", std::int64_t{1}),
                              .read_ms = a.value("read_ms", std::int64_t{0}),
                              .token_ms = a.value("token_ms", std::int64_t{0}),
                              .error = a.value("error", ""),
                              .clock = a.value("clock", false)});
  script.answers.emplace_back();
  return script;
}

ScriptEngine::ScriptEngine(Script script, const Tokenizer& tokenizer)
    : script_(std::move(script)), tokenizer_(tokenizer), thread_([this] { run(); }) {}

ScriptEngine::~ScriptEngine() {
  {
    const std::scoped_lock lock(mutex_);
    stops_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Handle ScriptEngine::submit(Request request, EventSink sink) {
  const auto flag = std::make_shared<std::atomic<bool>>(false);
  const std::scoped_lock lock(mutex_);
  if (status_.draining) throw RequestError(Refused::draining, "the engine takes no more requests");
  if (std::cmp_greater(request.prompt.size(), script_.context))
    throw RequestError(Refused::context_length, "the prompt does not fit");
  if (status_.queued + status_.reading + status_.writing + request.choices > script_.queue)
    throw RequestError(Refused::queue_full, fmt::format("{} answers wait already", script_.queue));
  for (std::int32_t choice = 0; choice < request.choices; ++choice) {
    arrived_.push_back(std::make_unique<Play>(request, sink, flag, tokenizer_));
    arrived_.back()->choice = choice;
    ++status_.queued;
  }
  changed_.notify_all();
  return Handle(flag);
}

EngineStatus ScriptEngine::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

void ScriptEngine::drain(milliseconds wait) {
  const std::scoped_lock lock(mutex_);
  status_.draining = true;
  deadline_ = Clock::now() + wait;
  changed_.notify_all();
}

void ScriptEngine::begin(Play& play) const {
  const auto& prompt = play.request.prompt;
  const std::string text = tokenizer_.decode(prompt, /*skip_special=*/false);
  play.answer = &*std::ranges::find_if(script_.answers, [&](const ScriptedAnswer& a) {
    return a.when.empty() || text.find(a.when) != std::string::npos;
  });
  constexpr std::size_t kEcho = 20;
  auto tokens = tokenizer_.encode(play.answer->text, SpecialTokens::parse);
  if (tokens.empty())
    tokens.assign(prompt.end() - static_cast<std::ptrdiff_t>(std::min(kEcho, prompt.size())), prompt.end());
  for (std::int64_t i = 0; i < play.answer->repeat; ++i)
    play.tokens.insert(play.tokens.end(), tokens.begin(), tokens.end());
  play.timings.prompt_tokens = static_cast<std::int64_t>(prompt.size());
  play.timings.drafted_tokens = 3;
  play.timings.accepted_tokens = 2;
  play.timings.mtp_drafted_tokens = 2;
  play.timings.mtp_accepted_tokens = 1;
  play.due = Clock::now() + milliseconds(play.answer->read_ms);
}

void ScriptEngine::finish(Play& play, FinishReason reason, std::string error) {
  Finished finished{.reason = reason,
                    .text = {},
                    .error = std::move(error),
                    .stop_string = {},
                    .timings = play.timings,
                    .attention = {.sparse_rows = 0,
                                  .dense_rows = play.timings.prompt_tokens + play.timings.completion_tokens}};
  finished.text = play.stops.push(play.decoder.flush());
  finished.text += play.stops.finish();
  if (const auto which = play.stops.matched()) finished.stop_string = play.request.stop_strings[*which];
  {
    // First: who has heard of the end finds it counted.
    const std::scoped_lock lock(mutex_);
    (play.begun ? status_.writing : status_.queued) -= 1;
    ++status_.finished[static_cast<std::size_t>(reason)];
  }
  play.sink({play.choice, std::move(finished)});
}

// One event, if it is time; true: the play is over.
bool ScriptEngine::step(Play& play) {
  if (play.cancelled->load() || late_) return finish(play, FinishReason::cancelled), true;
  const Request& request = play.request;
  if (!play.begun) {
    begin(play);
    play.begun = true;
    {
      const std::scoped_lock lock(mutex_);
      --status_.queued;
      ++status_.writing;
      status_.prompt_tokens += play.timings.prompt_tokens;
    }
    play.sink(
        {play.choice, Reading{.done = play.timings.prompt_tokens, .total = play.timings.prompt_tokens}});
    if (request.prompt_log_probs)
      for (std::size_t i = 1; i < request.prompt.size(); ++i)
        play.sink({play.choice, PromptToken{request.prompt[i],
                                            log_probs_of(request.prompt[i], request.log_probs.value_or(0))}});
    return false;
  }
  if (Clock::now() < play.due) return false;
  if (request.max_tokens >= 0 && play.timings.completion_tokens >= request.max_tokens)
    return finish(play, FinishReason::length), true;
  if (play.next == play.tokens.size()) {
    const bool fails = !play.answer->error.empty();
    return finish(play, fails ? FinishReason::failed : FinishReason::stop, play.answer->error), true;
  }
  NewToken token{.id = play.tokens[play.next++], .text = {}, .log_probs = {}};
  token.stops = std::ranges::find(request.stop_tokens, token.id) != request.stop_tokens.end();
  if (!token.stops) token.text = play.stops.push(play.decoder.push(token.id));
  if (play.answer->clock) {
    const auto since = Clock::now().time_since_epoch();
    token.text = fmt::format("{} ", std::chrono::duration_cast<std::chrono::microseconds>(since).count());
  }
  if (request.log_probs) token.log_probs = log_probs_of(token.id, *request.log_probs);
  if (play.timings.completion_tokens < request.traced_tokens)
    play.sink({play.choice, selected_of(std::ssize(request.prompt) + play.timings.completion_tokens)});
  const bool over = token.stops || play.stops.matched();
  ++play.timings.completion_tokens;
  play.due = Clock::now() + milliseconds(play.answer->token_ms);
  play.sink({play.choice, std::move(token)});
  if (over) finish(play, FinishReason::stop);
  const std::scoped_lock lock(mutex_);
  ++status_.written_tokens;
  ++status_.steps;
  status_.last_step = Clock::now();
  return over;
}

void ScriptEngine::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      auto due = Clock::now() + milliseconds(playing_.empty() ? 1000 : 20);
      for (const auto& play : playing_) due = std::min(due, play->due);
      changed_.wait_until(lock, due, [&] { return stops_ || !arrived_.empty(); });
      if (stops_) return;
      if (script_.hangs) continue;
      late_ = deadline_ && Clock::now() >= *deadline_;
      for (; !arrived_.empty(); arrived_.pop_front()) playing_.push_back(std::move(arrived_.front()));
    }
    playing_.remove_if([this](const auto& play) { return step(*play); });
  }
}

}  // namespace dsa::test
