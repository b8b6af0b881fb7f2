#include "server/answer_writer.h"

#include <chrono>
#include <random>

#include "server/sse.h"

namespace dsa::server {

AnswerHead new_answer(std::string_view prefix, const ServedModel& model) {
  thread_local std::random_device random;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {.id = fmt::format("{}{:08x}{:08x}{:08x}", prefix, random(), random(), random()),
          .created = std::chrono::duration_cast<std::chrono::seconds>(now).count(),
          .model = model.id};
}

std::string AnswerWriter::fault_event(const ApiError& error) {
  return sse_event(error_json(error)).append(kSseDone);
}

HttpAnswer AnswerWriter::fault_answer(const ApiError& error) { return error_answer(error); }

std::optional<ApiError> fault_of(const Finished& finished) {
  if (finished.reason == FinishReason::failed) return ApiError(500, "engine_error", finished.error);
  // Its client would not read this, unless it only stopped sending.
  if (finished.reason == FinishReason::cancelled)
    return ApiError(503, "cancelled", "the answer was stopped: the server is shut down, or the client went");
  return std::nullopt;
}

}  // namespace dsa::server
