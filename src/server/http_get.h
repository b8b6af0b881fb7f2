// A client of a server like ours, for `dsa ps` and `dsa connect`.
#pragma once

#include <chrono>
#include <string>

namespace dsa::server {

struct HttpReply {
  int status = 0;
  std::string body = {};
};

/// GET of `path` at a server, "http://host:port", "https://host" or "unix:/path/of/its/socket".  `key`: its
/// API key, or "".  Throws Error if there is no answer within `patience`.
HttpReply http_get(const std::string& server, const std::string& path, const std::string& key = {},
                   std::chrono::seconds patience = std::chrono::seconds(10));

}  // namespace dsa::server
