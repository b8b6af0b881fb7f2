// What a response was answered to, item by item: GET /v1/responses/{id}/input_items.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "server/http_message.h"
#include "server/models.h"

namespace dsa::server {

inline constexpr std::int64_t kMostItems = 100;  // of one page

/// `input` of a body that read_responses() takes, as items that can be sent again: each with an id, what
/// messages say as lists of parts.
nlohmann::json items_of_input(const nlohmann::json& input, const ServedModel& model);

/// One page of a list of items by ?limit, ?order (asc, desc: the last first) and ?after, an id.  Throws
/// ApiError.
HttpAnswer page_of_items(const nlohmann::json& items, const HttpRequest& request);

}  // namespace dsa::server
