#include "server/capture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "base/who.h"

namespace dsa::server {
namespace {

bool write_file(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return false;
  while (!text.empty()) {
    const auto n = ::write(file, text.data(), text.size());
    if (n <= 0) break;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::close(file) == 0 && text.empty();
}

// A path goes into a script: only what no shell could understand as anything else.
bool is_plain(std::string_view path) {
  return std::ranges::all_of(path, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' ||
           c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

Capture::Capture(std::filesystem::path folder) : folder_(std::move(folder)) {
  if (!std::filesystem::is_directory(folder_))
    fail("{}: no folder, expected one to keep requests in (`capture`)", who(folder_));
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  run_ = fmt::format("{}", std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

void Capture::keep(const HttpRequest& request) {
  const std::string path = request.prefix + std::string(request.path());
  if (!is_plain(path) || !is_plain(request.method)) return;
  const std::string name = fmt::format("{}-{:06}", run_, next_++);
  const std::string script = fmt::format(
      "#!/bin/sh\n"
      "# Sends the request again: sh {0}.sh [http://127.0.0.1:8000]\n"
      "exec curl -sSN -X {1} \"${{1:-http://127.0.0.1:8000}}{2}\" -H 'Content-Type: application/json' \\\n"
      "  --data-binary @\"$(dirname \"$0\")/{0}.json\"\n",
      name, request.method, path);
  const bool kept = write_file(folder_ / (name + ".json"), request.body, 0600) &&
                    write_file(folder_ / (name + ".sh"), script, 0700);
  if (!kept && !said_.exchange(true))
    warn("{}: {}: requests are not captured", who(folder_), std::generic_category().message(errno));
}

}  // namespace dsa::server
