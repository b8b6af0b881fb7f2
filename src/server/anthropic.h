// POST /v1/messages: Anthropic's API, in the same words as ours underneath.
#pragma once

#include <memory>
#include <string>

#include "server/openai_chat.h"
#include "server/volatile_lines.h"

namespace dsa::server {

/// A body, understood.
struct MessagesCall {
  ChatCall chat;
  SetAside aside;  // of the system prompt
};

/// Whether the path, without /v1, is one of this API, whose errors have another shape.
bool is_anthropic(std::string_view path);

/// The model of that id; the first for "claude...", which is what clients ask for that know no other.
std::size_t find_anthropic_model(std::span<const ModelCard> cards, std::string_view id);

/// `counting`: the prompt alone is looked at; max_tokens may be left out.  `text`: the body as it was sent,
/// for the order of keys in tools and what they are given.  Throws ApiError.
MessagesCall read_messages(const Fields& body, const ServedModel& model, bool counting = false,
                           std::string_view text = {},
                           std::span<const VolatileLine> volatile_lines = known_volatile_lines());

/// `model` must outlive the writer.
std::unique_ptr<AnswerWriter> write_message(const MessagesCall& call, const ServedModel& model);

/// {"type": "error", "error": {"type", "message"}}, one line.
std::string anthropic_error_json(const ApiError& error);
std::string anthropic_error_event(const ApiError& error);
HttpAnswer anthropic_error_answer(const ApiError& error);

}  // namespace dsa::server
