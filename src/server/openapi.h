// GET /openapi.json: what this server takes and gives, for machines.
#pragma once

#include <string>

namespace dsa::server {

/// OpenAPI 3.1; the same text every time.
const std::string& openapi_document();

}  // namespace dsa::server
