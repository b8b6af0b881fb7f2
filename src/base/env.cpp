#include "base/env.h"

#include <charconv>
#include <cstdlib>

#include "base/error.h"

namespace dsa {

std::string env_or(const char* name, std::string_view fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::string(value) : std::string(fallback);
}

std::optional<std::int64_t> env_int(const char* name, std::int64_t min, std::int64_t max) {
  const std::string text = env_or(name, "");
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max)
    fail("{}: \"{}\" is not a whole number from {} to {}", name, printable(text), min, max);
  return value;
}

std::filesystem::path dsa_home() {
  if (const std::string home = env_or("DSA_HOME", ""); !home.empty()) return home;
  if (const std::string data = env_or("XDG_DATA_HOME", ""); !data.empty())
    return std::filesystem::path(data) / "dsa";
  return std::filesystem::path(env_or("HOME", "/tmp")) / ".local" / "share" / "dsa";
}

}  // namespace dsa
