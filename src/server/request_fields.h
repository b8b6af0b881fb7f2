// Fields that both of OpenAI's APIs have.
#pragma once

#include <string_view>

#include "server/answer_writer.h"
#include "server/fields.h"
#include "server/models.h"

namespace dsa::server {

/// What one request may ask for; each is tested at its value and one past it.
inline constexpr std::int64_t kMaxChoices = 16;
inline constexpr std::size_t kMaxPrompts = 256;
inline constexpr std::size_t kMaxMessages = 4096;
inline constexpr std::size_t kMaxBiases = 1024;
inline constexpr std::int64_t kMaxLogProbs = 20;

/// The body as JSON, under limits fit for a request.  Throws ApiError.
nlohmann::json parse_body(std::string_view body);

/// The field "model", or "".
std::string model_of(const Fields& body);

/// Sampling, lengths, stops, choices and the object "dsa" into `request`; stream and its options into `plan`.
/// Throws ApiError; also for a field that we cannot do and that would change what the answer means.
void read_common(const Fields& body, const ServedModel& model, Request& request, Plan& plan);

/// Throws ApiError if the body asks for "dsa": {"trace": ...}: what was selected is told by
/// /v1/chat/completions alone.
void refuse_trace(const Fields& body);

/// Throws ApiError if `prompt` leaves no room for an answer.  `param`: where it came from, "messages".
void check_room(const Request& request, const ServedModel& model, std::string_view param);
/// The same by the number of bytes, before a text is cut into tokens.
void check_text_size(std::size_t bytes, const ServedModel& model, std::string_view param);

}  // namespace dsa::server
