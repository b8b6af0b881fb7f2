// POST /v1/responses: OpenAI's newer API, without a state of its own; in the same words as chat underneath.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/openai_chat.h"

namespace dsa::server {

/// A body, understood.
struct ResponsesCall {
  ChatCall chat;
  std::string asked;  // what the answer says again of what was asked: an object of JSON
};

/// `text`: the body as it was sent.  Throws ApiError.
ResponsesCall read_responses(const Fields& body, const ServedModel& model, std::string_view text = {});

/// `model` must outlive the writer.
std::unique_ptr<AnswerWriter> write_response(const ResponsesCall& call, const ServedModel& model);

}  // namespace dsa::server
