// POST /v1/responses: OpenAI's newer API, in the same words as chat underneath.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/kept_responses.h"
#include "server/openai_chat.h"

namespace dsa::server {

/// A body, understood.
struct ResponsesCall {
  ChatCall chat;
  std::string asked;  // what the answer says again of what was asked: an object of JSON
  bool store = true;
  std::string messages;  // chat's, without instructions: what is kept with the answer
  std::string items;     // the same as it was sent
};

/// Where responses are kept, and whose are found.
struct ResponseShelf {
  KeptResponses* kept = nullptr;  // null: nowhere
  std::string owner = {};
};

/// `text`: the body as it was sent.  Throws ApiError.
ResponsesCall read_responses(const Fields& body, const ServedModel& model, std::string_view text = {},
                             const ResponseShelf& shelf = {});

/// `model` and what `shelf` names must outlive the writer.
std::unique_ptr<AnswerWriter> write_response(const ResponsesCall& call, const ServedModel& model,
                                             const ResponseShelf& shelf = {});

}  // namespace dsa::server
