#include "accounts/key.h"

#include <nettle/memops.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"

namespace dsa::accounts {
namespace {

constexpr std::string_view kPrefix = "dsa-";
constexpr std::size_t kIdBytes = 4, kSecretBytes = 32;
constexpr std::size_t kTextBytes = kPrefix.size() + 2 * kIdBytes + 1 + 2 * kSecretBytes;

template <std::size_t size>
std::string random_hex() {
  std::array<std::byte, size> bytes;
  if (::getentropy(bytes.data(), bytes.size()) != 0) fail("the system gives no random numbers");
  return hex_of(bytes);
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string_view name(Role role) { return role == Role::admin ? "admin" : "user"; }
std::optional<Role> parse_role(std::string_view text) {
  if (text == "user") return Role::user;
  if (text == "admin") return Role::admin;
  return std::nullopt;
}

bool is_valid(const Key& key, Moment moment) {
  return !key.revoked && (!key.limits.expires || moment < *key.limits.expires);
}

bool may_use(const Key& key, std::string_view model) {
  return key.limits.models.empty() || std::ranges::find(key.limits.models, model) != key.limits.models.end();
}

NewSecret new_secret() {
  NewSecret out{.id = random_hex<kIdBytes>(), .text = {}, .hash = {}};
  out.text = fmt::format("{}{}-{}", kPrefix, out.id, random_hex<kSecretBytes>());
  out.hash = hash_of(out.text);
  return out;
}

std::optional<std::string> id_in(std::string_view text) {
  if (text.size() != kTextBytes || !text.starts_with(kPrefix)) return std::nullopt;
  const std::string_view id = text.substr(kPrefix.size(), 2 * kIdBytes);
  if (!is_hex(id)) return std::nullopt;
  return std::string(id);
}

KeyHash hash_of(std::string_view text) {
  Sha256 sha;
  sha.add(std::as_bytes(std::span(text)));
  return sha.digest();
}

bool same(const KeyHash& a, const KeyHash& b) { return memeql_sec(a.data(), b.data(), a.size()) != 0; }

}  // namespace dsa::accounts
