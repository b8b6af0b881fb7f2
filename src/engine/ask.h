// One request, answered while the caller waits.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace dsa {

struct AnswerCallbacks {
  std::function<void(std::int64_t done, std::int64_t total)> on_reading = {};  // of the tokens to be computed
  std::function<void(std::string_view text)> on_text = {};                     // complete UTF-8 only
};

struct Answer {
  std::string text;
  std::vector<std::int32_t> tokens;  // without the stop token
  FinishReason finish_reason = FinishReason::stop;
  std::string error;  // finish_reason == failed
  Timings timings;
  AttentionCounters attention;
};

/// The first choice of the request.  Callbacks run in the caller's thread; `cancel` may be set from anywhere,
/// a signal handler too.  Throws RequestError.
Answer ask(Engine& engine, Request request, const AnswerCallbacks& callbacks,
           const std::atomic<bool>& cancel);

}  // namespace dsa
