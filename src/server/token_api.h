// POST /tokenize and /detokenize: text to token ids, and back.
#pragma once

#include "server/fields.h"
#include "server/http_message.h"
#include "server/models.h"

namespace dsa::server {

/// {"prompt": text} or {"messages": [...]} to {"tokens", "count", "max_model_len"}.  `text`: the body as it
/// was sent.  Throws ApiError.
HttpAnswer tokenize(const Fields& body, const ServedModel& model, std::string_view text = {});
/// {"tokens": [ids]} to {"prompt": text}.  Throws ApiError.
HttpAnswer detokenize(const Fields& body, const ServedModel& model);

/// {"bos_token", "eos_token", "chat_template"}, each a text or null: with the two above enough for a client
/// that has no tokenizer of its own (lm-eval's `tokenizer_backend=remote`).
HttpAnswer tokenizer_info(const ServedModel& model);

}  // namespace dsa::server
