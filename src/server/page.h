// GET /: a page to talk to the models in a browser, and the files that it is made of.
#pragma once

#include <string_view>

#include "server/http_message.h"

namespace dsa::server {

/// A file of the page, "index.html" to begin with.  304 without it if the client has it already.  Throws
/// ApiError 404.
HttpAnswer page_file(std::string_view name, const HttpRequest& request);

}  // namespace dsa::server
