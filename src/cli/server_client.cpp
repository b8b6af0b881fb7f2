#include "cli/server_client.h"

#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "server/http_get.h"

namespace dsa::cli {

void add_server_key(Command command, ServerOptions& o) {
  command.add_option("--key", o.key, "a key of the server's, where it asks for one (default: DSA_API_KEY)")
      .type_name("KEY");
}

std::string server_key(const ServerOptions& o) { return o.key.empty() ? env_or("DSA_API_KEY", "") : o.key; }

nlohmann::ordered_json ask_server_for(const ServerOptions& o, const std::string& path) {
  const server::HttpReply reply = server::http_get(o.url, path, server_key(o));
  const auto json = nlohmann::ordered_json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  if (reply.status == 200 && json.is_object()) return json;
  std::string why;
  if (json.is_object() && json.contains("error") && json["error"].is_object())
    why = ": " + json["error"].value("message", "");
  fail("{}{}: the server answers with {}{}", printable(o.url, 200), path, reply.status, printable(why, 300));
}

}  // namespace dsa::cli
