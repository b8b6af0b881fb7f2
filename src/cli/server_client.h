// What verbs ask of a server that runs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/command.h"

namespace dsa::cli {

struct ServerOptions {
  std::string url = "http://127.0.0.1:8000";
  std::string key;  // "": DSA_API_KEY, else none
};
void add_server_key(Command command, ServerOptions& options);
/// The key as typed, else DSA_API_KEY, else "".
std::string server_key(const ServerOptions& options);

/// Throws Error, also for an answer that is none, with what the server says of it.
nlohmann::ordered_json ask_server_for(const ServerOptions& options, const std::string& path);

}  // namespace dsa::cli
