// Requests kept as scripts that send them again.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "server/http_message.h"

namespace dsa::server {

/// Thread-safe.
class Capture {
 public:
  /// Into that folder, which must be there: throws Error.
  explicit Capture(std::filesystem::path folder);

  /// NAME.json, the body, and NAME.sh, which sends it to the address in its first argument; readable by their
  /// owner alone.  What cannot be written is said once.
  void keep(const HttpRequest& request);

 private:
  std::filesystem::path folder_;
  std::string run_;  // names of one run do not collide with another's
  std::atomic<std::int64_t> next_{1};
  std::atomic<bool> said_{false};
};

}  // namespace dsa::server
