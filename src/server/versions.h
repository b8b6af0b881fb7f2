// Path prefixes under which another model answers, until a day: an old one beside its successor, by the same
// requests and keys.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/http_message.h"

namespace dsa::server {

struct Version {
  std::string prefix;                  // "v3.1_expires_on_20261015": of a path, between slashes
  std::string model;                   // that answers there, whichever a request names
  std::string successor;               // a model, that is asked without the prefix
  std::chrono::sys_seconds ends = {};  // from then on it is an error
};

/// [versions."PREFIX"] of a configuration: tables of `model`, `expires` (a day, "2026-10-15", to its end in
/// UTC; may be left out where PREFIX ends in _expires_on_YYYYMMDD) and `successor` (default: `first`).
/// Throws Error that starts with `who`.
std::vector<Version> read_versions(const nlohmann::json& table, const std::string& first,
                                   std::string_view who);

/// Takes the prefix off the request's path (request.prefix), and says whose it is: request.model.  Headers
/// tell when it ends.  Throws ApiError 410 that names the successor, if it has.
void take_version(std::span<const Version> versions, std::chrono::sys_seconds now, HttpRequest& request,
                  HttpHeaders& headers);

}  // namespace dsa::server
