// POST /v1/chat/completions: a body to a request of the engine, its events to the answer.
#pragma once

#include <memory>

#include "server/answer_parts.h"
#include "server/answer_writer.h"
#include "server/fields.h"

namespace dsa::server {

/// A chat request, understood.
struct ChatCall {
  Plan plan;  // of one request
  AnswerShape shape = {};
  bool log_probs = false;
};

/// `text`: the body as it was sent, for the order of keys in tools and schemas.  Throws ApiError.
ChatCall read_chat(const Fields& body, const ServedModel& model, std::string_view text = {});

/// `model` must outlive the writer.
std::unique_ptr<AnswerWriter> write_chat(const ChatCall& call, const ServedModel& model);

}  // namespace dsa::server
