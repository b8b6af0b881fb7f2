#include "accounts/key.h"

#include <gtest/gtest.h>

#include <set>

namespace dsa::accounts {
namespace {

TEST(Key, EachIsNewAndKnownByItsHash) {
  std::set<std::string> ids, texts;
  for (int i = 0; i < 100; ++i) {
    const NewSecret secret = new_secret();
    EXPECT_EQ(secret.text.size(), 4U + 8 + 1 + 64) << "256 random bits, in hexadecimal digits";
    EXPECT_EQ(id_in(secret.text), secret.id);
    EXPECT_TRUE(same(hash_of(secret.text), secret.hash));
    texts.insert(secret.text.substr(13));
    ids.insert(secret.id);
  }
  EXPECT_EQ(texts.size(), 100U);
  EXPECT_GT(ids.size(), 95U);
}

TEST(Key, ATextThatDiffersInOneBitIsAnother) {
  const NewSecret secret = new_secret();
  for (std::size_t i = 0; i < secret.text.size(); ++i) {
    std::string other = secret.text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(same(hash_of(other), secret.hash)) << i;
  }
  for (std::size_t i = 0; i < secret.hash.size(); ++i) {
    KeyHash other = secret.hash;
    other[i] ^= std::byte{0x80};
    EXPECT_FALSE(same(other, secret.hash)) << i;
  }
}

TEST(Key, WhatHasNotItsShapeNamesNone) {
  const std::string text = new_secret().text;
  for (const std::string& wrong :
       {std::string(), std::string("sk-1234"), text.substr(1), text + "0", "DSA" + text.substr(3),
        "dsa-" + std::string(8, 'G') + text.substr(12), std::string(77, '\0')})
    EXPECT_EQ(id_in(wrong), std::nullopt) << wrong;
}

TEST(Key, OpensNothingOnceItIsRevokedOrHasExpired) {
  const Moment noon = Moment(parse_day("2026-01-01").value()) + std::chrono::hours(12);
  Key key;
  EXPECT_TRUE(is_valid(key, noon));
  key.limits.expires = noon;
  EXPECT_TRUE(is_valid(key, noon - std::chrono::milliseconds(1)));
  EXPECT_FALSE(is_valid(key, noon));
  key.limits.expires = {};
  key.revoked = noon;
  EXPECT_FALSE(is_valid(key, noon));
}

TEST(Key, MayUseTheModelsThatItNamesOrAll) {
  Key key;
  EXPECT_TRUE(may_use(key, "a"));
  key.limits.models = {"a", "b"};
  EXPECT_TRUE(may_use(key, "b"));
  EXPECT_FALSE(may_use(key, "c"));
  EXPECT_FALSE(may_use(key, ""));
}

}  // namespace
}  // namespace dsa::accounts
