// POST /tokenize and /detokenize: text to token ids, and back.
#pragma once

#include "server/fields.h"
#include "server/http_message.h"
#include "server/models.h"

namespace dsa::server {

/// {"prompt": text} or {"messages": [...]} to {"tokens", "count", "max_model_len"}.  Throws ApiError.
HttpAnswer tokenize(const Fields& body, const ServedModel& model);
/// {"tokens": [ids]} to {"prompt": text}.  Throws ApiError.
HttpAnswer detokenize(const Fields& body, const ServedModel& model);

}  // namespace dsa::server
