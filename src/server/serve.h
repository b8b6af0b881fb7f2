// A server from its start to its end: sockets, routes, signals.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "server/http_server.h"
#include "server/model_pool.h"
#include "server/routes.h"

namespace dsa::server {

struct ServeSettings {
  HttpSettings http = {};
  ApiSettings api = {};
  std::chrono::milliseconds drain{30'000};  // what runs when the server is to end may take so long
  /// Called once it listens, with a line for each address.
  std::function<void(const std::string& addresses)> on_ready = {};
};

enum class ServeEnd : std::uint8_t {
  drained,    // every answer was given
  abandoned,  // some were cut off, with an error; an engine may hang
};

/// Serves until SIGTERM or SIGINT: then takes nothing new, lets what runs come to its end within
/// settings.drain, and returns.  A second signal ends all at once; neither needs an engine's thread.  SIGHUP
/// reads the certificate again.  Throws Error if it cannot listen.
ServeEnd serve(ModelPool& models, const ServeSettings& settings);

}  // namespace dsa::server
