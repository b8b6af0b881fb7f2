// POST /v1/completions: text that is continued, and how likely a text is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/answer_writer.h"
#include "server/fields.h"

namespace dsa::server {

/// A completions request, understood.
struct CompletionsCall {
  Plan plan;                       // one request a prompt
  std::vector<std::string> texts;  // of the prompts
  bool echo = false;               // the prompt is part of the answer
  std::optional<std::int32_t> log_probs = std::nullopt;
};

/// Throws ApiError.
CompletionsCall read_completions(const Fields& body, const ServedModel& model);

/// `model` must outlive the writer.
std::unique_ptr<AnswerWriter> write_completions(CompletionsCall call, const ServedModel& model);

}  // namespace dsa::server
