// An engine that plays what a script says: no test of a protocol depends on what a model answers.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "tokenizer/tokenizer.h"

namespace dsa::test {

/// What is answered to a prompt that contains `when`.
struct ScriptedAnswer {
  std::string when = {};  // "": to any
  std::string text = {};  // "": the prompt's last 20 tokens
  std::int64_t repeat = 1;
  std::int64_t read_ms = 0;   // before the first token
  std::int64_t token_ms = 0;  // before each further one
  std::string error = {};     // the answer ends with it
  bool clock = false;  // each token's text is when it was sent, in microseconds by steady_clock, and a space
};
struct Script {
  std::vector<ScriptedAnswer> answers = {{}};  // the first that fits is played
  std::int64_t context = 1024;
  std::int64_t queue = 1000;  // answers at a time; more are refused
  bool hangs = false;         // nothing ever happens: an engine that is stuck
};
/// {"context", "queue", "hangs", "answers": [{"when", "text", ...}]}.  Throws Error.
Script read_script(const std::filesystem::path& path);

/// Of every token the log-probability is -0.5, and it is the best; the next are the ids after it, each 1
/// less.  Two layers select: layer 0 every second position, layer 1 every third.
class ScriptEngine final : public Engine {
 public:
  ScriptEngine(Script script, const Tokenizer& tokenizer);
  ~ScriptEngine() override;

  Handle submit(Request request, EventSink sink) override;
  EngineStatus status() const override;
  void drain(std::chrono::milliseconds wait) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Play;
  void run();
  void begin(Play& play) const;
  bool step(Play& play);
  void finish(Play& play, FinishReason reason, std::string error = {});

  Script script_;
  const Tokenizer& tokenizer_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Play>> arrived_;
  std::list<std::unique_ptr<Play>> playing_;  // the thread's own
  EngineStatus status_;
  std::optional<Clock::time_point> deadline_;
  bool late_ = false;  // the thread's own: it has passed
  bool stops_ = false;
  std::thread thread_;
};

}  // namespace dsa::test
