#include "engine/ngram_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/numeric.h"

namespace dsa {
namespace {

using Tokens = std::vector<std::int32_t>;

// Looks at every place.
NgramIndex::Match searched(std::span<const std::int32_t> tokens) {
  NgramIndex::Match best;
  for (std::int64_t next = std::ssize(tokens) - 1; next > 0; --next) {
    std::int64_t length = 0;
    while (length < std::min(next, NgramIndex::kLongest) &&
           tokens[usize(next - 1 - length)] == tokens[tokens.size() - 1 - usize(length)])
      ++length;
    if (length >= NgramIndex::kGram && length > best.length) best = {.next = next, .length = length};
  }
  return best;
}

TEST(NgramIndex, ItFindsWhereTheEndStoodBefore) {
  const Tokens tokens{7, 1, 2, 3, 4, 5, 9, 9, 2, 3, 4, 6, 8, 1, 2, 3, 4};
  const auto found = NgramIndex().find(tokens);
  EXPECT_EQ(found.next, 5) << "the longer match, not the later one";
  EXPECT_EQ(found.length, 4);
  EXPECT_EQ(NgramIndex().find(Tokens{1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3}).next, 7) << "of two the later one";
  EXPECT_EQ(NgramIndex().find(Tokens{1, 2, 3, 4, 2, 3}).length, 0);
  EXPECT_EQ(NgramIndex().find(Tokens{1, 1, 1, 1}).next, 3) << "it may reach into itself";
  for (const Tokens& few : {Tokens{}, Tokens{1}, Tokens{1, 1, 1}})
    EXPECT_EQ(NgramIndex().find(few).length, 0);
}

TEST(NgramIndex, AGrowingTextIsSearchedAsIfFromTheBeginning) {
  std::mt19937 draw(1);
  for (const std::uint32_t letters : {6U, 12U}) {
    Tokens tokens;
    NgramIndex index;
    std::int64_t found = 0;
    while (tokens.size() < 1500) {
      // Alone, several at once, and stretches of what was there.
      const std::size_t from = tokens.empty() ? 0 : draw() % tokens.size();
      const bool copies = !tokens.empty() && draw() % 8 == 0;
      for (std::size_t left = 1 + draw() % (copies ? 40 : 3), i = from; left > 0; --left, ++i)
        tokens.push_back(copies ? tokens[i] : static_cast<std::int32_t>(draw() % letters));
      const auto got = index.find(tokens), all = searched(tokens);
      ASSERT_LE(got.length, all.length);
      if (got.length == 0) continue;
      const auto before = std::span(tokens).first(usize(got.next));
      ASSERT_TRUE(
          std::ranges::equal(before.last(usize(got.length)), std::span(tokens).last(usize(got.length))));
      if (got.length < all.length) continue;  // of many places the latest ones are looked at
      ASSERT_EQ(got.next, all.next);
      ++found;
    }
    EXPECT_GT(found, 50);
  }
}

TEST(NgramIndex, WhatLiesTooFarBackIsForgotten) {
  Tokens tokens{1, 2, 3, 4};
  NgramIndex index;
  for (const std::int64_t between : {NgramIndex::kWindow - 10, NgramIndex::kWindow}) {
    Tokens text = tokens;
    for (std::int64_t i = 0; i < between; ++i) text.push_back(static_cast<std::int32_t>(1000 + i));
    for (const std::int32_t id : {1, 2, 3}) text.push_back(id);
    const auto found = NgramIndex().find(text);
    EXPECT_EQ(found.next, between < NgramIndex::kWindow ? 3 : 0);
    index = {};
    for (std::size_t size = 1; size < text.size(); size += 997)
      static_cast<void>(index.find(std::span(text).first(size)));
    EXPECT_EQ(index.find(text).next, found.next) << "in one look as in many";
  }
}

}  // namespace
}  // namespace dsa
