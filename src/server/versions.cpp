#include "server/versions.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "accounts/calendar.h"
#include "server/errors.h"

namespace dsa::server {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefixLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
constexpr std::array<std::string_view, 14> kOwnPaths{
    "v1",        "beta",   "anthropic", "page",     "admin",       "chat", "messages",
    "responses", "models", "streams",   "tokenize", "completions", "user", "metrics"};
constexpr std::string_view kExpires = "_expires_on_";

// In seconds: a moment that counts nanoseconds, as fmt makes of one, ends in 2262.
std::tm calendar(std::chrono::sys_seconds moment) { return fmt::gmtime(moment.time_since_epoch().count()); }

// The day at the end of "..._expires_on_20261015".
std::optional<accounts::Day> day_of(std::string_view prefix) {
  const auto at = prefix.rfind(kExpires);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view day = prefix.substr(at + kExpires.size());
  if (day.size() != 8) return std::nullopt;
  return accounts::parse_day(fmt::format("{}-{}-{}", day.substr(0, 4), day.substr(4, 2), day.substr(6)));
}

Version version(const std::string& prefix, const json& table, const std::string& first,
                const std::string& who) {
  if (prefix.empty() || prefix.find_first_not_of(kPrefixLetters) != std::string::npos ||
      std::ranges::find(kOwnPaths, prefix) != kOwnPaths.end())
    fail("{}: expected letters, digits, _, - and ., and none of this server's own paths", who);
  if (!table.is_object()) fail("{}: expected a table", who);
  for (const auto& [name, value] : table.items())
    if ((name != "model" && name != "expires" && name != "successor") || !value.is_string())
      fail("{}.{}: expected model, expires and successor, which are texts or a day", who,
           printable(name, 40));
  const std::string model = table.value("model", "");
  if (model.empty()) fail("{}: expected the `model` that answers there", who);
  const auto named = day_of(prefix);
  const auto given =
      table.contains("expires") ? accounts::parse_day(table["expires"].get<std::string>()) : named;
  if (!given) fail("{}: expected `expires`, a day: expires = 2026-10-15", who);
  if (named && *named != *given) fail("{}: its name says another day than its `expires`", who);
  return {.prefix = prefix,
          .model = model,
          .successor = table.value("successor", first),
          .ends = std::chrono::sys_days(*given) + std::chrono::days(1)};
}

}  // namespace

std::vector<Version> read_versions(const json& table, const std::string& first, std::string_view who) {
  std::vector<Version> out;
  if (!table.is_object()) fail("{}: versions: expected a table", who);
  for (const auto& [prefix, one] : table.items())
    out.push_back(
        version(prefix, one, first, fmt::format("{}: versions.\"{}\"", who, printable(prefix, 100))));
  return out;
}

void take_version(std::span<const Version> versions, std::chrono::sys_seconds now, HttpRequest& request,
                  HttpHeaders& headers) {
  const auto is_under = [&](const Version& one) {
    return request.target.starts_with('/') && request.target.compare(1, one.prefix.size(), one.prefix) == 0 &&
           request.target.size() > one.prefix.size() + 1 && request.target[one.prefix.size() + 1] == '/';
  };
  const auto found = std::ranges::find_if(versions, is_under);
  if (found == versions.end()) return;
  request.prefix = request.target.substr(0, found->prefix.size() + 1);
  request.target.erase(0, request.prefix.size());
  if (now >= found->ends)
    throw ApiError(410, "version_expired",
                   fmt::format("/{} ended on {:%Y-%m-%d}: ask {} without it", found->prefix,
                               calendar(found->ends - std::chrono::days(1)), found->successor));
  request.model = found->model;
  headers.emplace_back("Sunset", fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", calendar(found->ends)));
}

}  // namespace dsa::server
