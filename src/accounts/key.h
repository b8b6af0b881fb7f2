// A key: who may ask for what, and how much of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/calendar.h"
#include "accounts/money.h"

namespace dsa::accounts {

enum class Role : std::uint8_t { user, admin };
std::string_view name(Role role);  // "user", "admin"
std::optional<Role> parse_role(std::string_view text);

/// What is nothing has no bound.
struct KeyLimits {
  std::vector<std::string> models = {};  // it may use; none: all
  std::optional<Moment> expires = {};
  std::optional<std::int64_t> requests_per_minute = {};
  std::optional<std::int64_t> tokens_per_minute = {};  // of prompts and answers
  std::optional<std::int64_t> concurrency = {};        // requests at a time
  std::optional<Money> budget_day = {};                // days and months of UTC
  std::optional<Money> budget_month = {};
  bool prepaid = false;  // it spends what was paid in, and no more
};

struct Key {
  std::string id = {};     // no secret: what it is called by in lists, logs and bills
  std::string owner = {};  // whose it is; keys of one owner share what the cache holds
  Role role = Role::user;
  Moment created = {};
  std::optional<Moment> revoked = {};
  KeyLimits limits = {};
};

/// Whether it opens anything at that moment.
bool is_valid(const Key& key, Moment moment);
bool may_use(const Key& key, std::string_view model);

/// SHA-256 of a key's text: all that is kept of it.
using KeyHash = std::array<std::byte, 32>;

/// A key's text, "dsa-<id>-<secret>", of 256 random bits of the system's; shown once, and kept nowhere.
struct NewSecret {
  std::string id;
  std::string text;
  KeyHash hash;
};
NewSecret new_secret();

/// The id that a key's text names; nothing if the text is none of ours.
std::optional<std::string> id_in(std::string_view text);
KeyHash hash_of(std::string_view text);
/// In a time that does not depend on what they hold.
bool same(const KeyHash& a, const KeyHash& b);

}  // namespace dsa::accounts
