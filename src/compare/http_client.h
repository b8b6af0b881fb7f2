// Asking a server over HTTP or HTTPS.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dsa::compare {

struct Url {
  bool tls = false;
  std::string host;  // without brackets
  std::string port;
  std::string path;  // "" or "/v1", without a slash at its end
  [[nodiscard]] std::string text() const;
};
/// "http://host:8000/v1" or "https://host".  Throws Error.
Url parse_url(std::string_view text);

struct HttpAsk {
  Url url;
  std::string path;  // behind the URL's
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};  // JSON, which is posted; "": the path is got
  /// Gets all that has come of the body, again whenever more has come, of an answer with status 200.
  std::function<void(std::string_view so_far)> on_body = {};
  std::chrono::seconds patience{600};  // of silence
};
struct HttpReply {
  int status = 0;
  std::string body;
};

/// A connection of its own for each request; a certificate must be one that the system trusts.  Nothing if
/// `cancel` was set.  Throws Error that starts with the URL if there is no answer.
std::optional<HttpReply> ask_http(const HttpAsk& ask, const std::atomic<bool>& cancel);

}  // namespace dsa::compare
