#include "checkpoint/config_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

namespace dsa {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxIds = 1024;
constexpr std::size_t kMaxStrings = 1 << 16;
constexpr std::size_t kMaxIntegers = 1 << 16;

// Nothing if it is not a JSON integer from 0 to 2^31 - 1.
std::optional<std::int32_t> small_integer(const json& value) {
  if (value.is_number_unsigned()) return checked_cast<std::int32_t>(value.get<std::uint64_t>());
  return std::nullopt;
}

}  // namespace

ConfigReader::ConfigReader(const json& value, std::string who) : object_(value), who_(std::move(who)) {
  if (!value.is_object()) fail("{}: is a JSON {}, expected an object", who_, value.type_name());
}

void ConfigReader::wrong(std::string_view key, const json& value, std::string_view expected) const {
  fail("{}: {} is {}, expected {}", who_, key, printable(json_text(value), 80), expected);
}

const json* ConfigReader::find(std::string_view key) {
  const auto it = object_.find(key);
  if (it == object_.end()) return nullptr;
  seen_.emplace(key);
  return it->is_null() ? nullptr : &*it;
}

std::int64_t ConfigReader::integer(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) fail("{}: {} is missing", who_, key);
  const auto number = small_integer(*value);
  if (!number) wrong(key, *value, "a whole number from 0 to 2^31 - 1");
  return *number;
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t fallback) {
  return has(key) ? integer(key) : fallback;
}

double ConfigReader::number(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) fail("{}: {} is missing", who_, key);
  if (!value->is_number()) wrong(key, *value, "a number");
  return value->get<double>();
}

double ConfigReader::number(std::string_view key, double fallback) {
  return has(key) ? number(key) : fallback;
}

bool ConfigReader::boolean(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) fail("{}: {} is missing", who_, key);
  if (!value->is_boolean()) wrong(key, *value, "true or false");
  return value->get<bool>();
}

bool ConfigReader::boolean(std::string_view key, bool fallback) { return has(key) ? boolean(key) : fallback; }

std::string ConfigReader::string(std::string_view key, std::string_view fallback) {
  const json* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) wrong(key, *value, "a string");
  return value->get<std::string>();
}

std::vector<std::string> ConfigReader::strings(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return {};
  if (!value->is_array() || value->size() > kMaxStrings ||
      !std::all_of(value->begin(), value->end(), [](const json& item) { return item.is_string(); }))
    wrong(key, *value, "a list of strings");
  return value->get<std::vector<std::string>>();
}

std::vector<std::int64_t> ConfigReader::integers(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return {};
  const auto is_small = [](const json& item) { return small_integer(item).has_value(); };
  if (!value->is_array() || value->size() > kMaxIntegers ||
      !std::all_of(value->begin(), value->end(), is_small))
    wrong(key, *value, "a list of whole numbers from 0 to 2^31 - 1");
  return value->get<std::vector<std::int64_t>>();
}

std::vector<std::int32_t> ConfigReader::ids(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return {};
  if (value->is_array() && value->size() > kMaxIds)
    fail("{}: {} lists {} token ids, at most {} are accepted", who_, key, value->size(), kMaxIds);
  std::vector<std::int32_t> ids;
  const auto add = [&](const json& item) {
    const auto id = small_integer(item);
    if (!id) wrong(key, item, "a token id or a list of them");
    ids.push_back(*id);
  };
  if (value->is_array())
    std::for_each(value->begin(), value->end(), add);
  else
    add(*value);
  return ids;
}

void ConfigReader::expect(std::string_view key, std::initializer_list<std::string_view> supported) {
  const json* value = find(key);
  if (value == nullptr) return;
  const std::string text = value->is_string() ? value->get<std::string>() : value->dump();
  if (std::find(supported.begin(), supported.end(), text) == supported.end())
    fail("{}: {} is {}, dsa supports only {}", who_, key, printable(value->dump(), 80),
         fmt::join(supported, ", "));
}

void ConfigReader::ignore(std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) seen_.emplace(key);
}

void ConfigReader::warn_about_the_rest() const {
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object_.items())
    if (!seen_.contains(key)) unknown.push_back(printable(key, 60));
  if (unknown.empty()) return;
  const std::size_t count = unknown.size();
  unknown.resize(std::min<std::size_t>(count, 8));
  warn("{}: {} key{} not known to dsa and not used: {}{}", who_, count, count == 1 ? " is" : "s are",
       fmt::join(unknown, ", "), count > unknown.size() ? ", ..." : "");
}

}  // namespace dsa
