// Of routes.cpp and route_table.cpp alone: what a row of the table of paths says.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "server/model_pool.h"
#include "server/routes.h"

namespace dsa::server {

/// A request that has come to its route.
struct Api::Asked {
  HttpRequest request;
  std::shared_ptr<Exchange> exchange;
  HttpHeaders headers;    // of its answer
  nlohmann::json body{};  // of a route that names a model
  HeldModel model{};      // the same
  bool streams = false;   // its answer began before there was one, while its model was loaded

  void send(HttpAnswer answer) const {
    answer.headers.insert(answer.headers.end(), headers.begin(), headers.end());
    exchange->send(std::move(answer));
  }
};

/// A path without /v1; one that ends in '/', but for "/", takes what stands behind.
struct Api::Route {
  std::string_view method;
  std::string_view path;
  /// Answers, now or later.  Throws ApiError.
  void (*serve)(Api& api, Asked& asked);
  /// Of one that needs a model: which of those.  Refused while the server drains.  Throws ApiError.
  std::size_t (*model)(std::span<const ModelCard> cards, const Asked& asked) = nullptr;
  Access access = Access::user;  // whoever forgets it has closed the route
  bool may_stream = false;       // where the body says so
};

/// "http://host/path" is "/path"; "/v1/models" is "/models", and so is what stands under the names that
/// clients of DeepSeek's put before it.
std::string_view bare_path(std::string_view path);

}  // namespace dsa::server
