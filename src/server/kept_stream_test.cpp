#include "server/kept_stream.h"

#include <gtest/gtest.h>

namespace dsa::server {
namespace {

std::shared_ptr<Exchange> connection(std::size_t unread = 1000) { return std::make_shared<Exchange>(unread); }

TEST(KeptStream, NumbersItsEventsForWhoeverFollows) {
  const auto kept = std::make_shared<KeptStream>(1000);
  const auto first = connection(), second = connection();
  EXPECT_TRUE(kept->alone_since());
  EXPECT_TRUE(kept->follow(first, {}, 0));
  EXPECT_FALSE(kept->alone_since());
  kept->write("data: a\n\ndata: b\n\n");
  EXPECT_EQ(first->take().text, "id: 0\ndata: a\n\nid: 1\ndata: b\n\n");
  EXPECT_TRUE(kept->follow(second, {}, 1));
  EXPECT_TRUE(first->take().end) << "the last that came follows";
  kept->write("data: c\n\n");
  EXPECT_EQ(second->take().text, "id: 1\ndata: b\n\nid: 2\ndata: c\n\n");
  kept->end();
  EXPECT_TRUE(second->take().end);
  EXPECT_TRUE(kept->alone_since());
  const auto third = connection();
  EXPECT_TRUE(kept->follow(third, {}, 3)) << "just behind the last event: the end is all there is to say";
  const auto out = third->take();
  EXPECT_TRUE(out.end && out.text.empty());
}

TEST(KeptStream, WhatIsNotThereIsNotBegun) {
  const auto kept = std::make_shared<KeptStream>(1000);
  kept->write("data: a\n\n");
  const auto none = connection();
  EXPECT_FALSE(kept->follow(none, {}, -1));
  EXPECT_FALSE(kept->follow(none, {}, 2));
  EXPECT_FALSE(none->take().head) << "an error can still be said";
}

TEST(KeptStream, WhatIsTooLongToKeepIsSentAllTheSame) {
  const std::string event = "data: a\n\n";
  const auto kept = std::make_shared<KeptStream>(2 * (event.size() + 6));
  const auto follower = connection();
  kept->follow(follower, {}, 0);
  for (int i = 0; i < 2; ++i) kept->write(event);
  EXPECT_TRUE(kept->follow(connection(), {}, 0)) << "at the limit";
  kept->follow(follower, {}, 2);
  kept->write(event);
  EXPECT_FALSE(kept->follow(connection(), {}, 0)) << "one past it";
  const auto late = connection();
  EXPECT_TRUE(kept->follow(late, {}, 3)) << "what comes is still there";
  kept->write(event);
  EXPECT_EQ(late->take().text, "id: 3\ndata: a\n\n");
}

TEST(KeptStream, AFollowerThatGoesOrIsTooSlowLeaves) {
  const auto kept = std::make_shared<KeptStream>(1000);
  const auto goes = connection(), slow = connection(20);
  kept->follow(goes, {}, 0);
  goes->vanish();
  EXPECT_TRUE(kept->alone_since());
  kept->write("data: 0123456789\n\n");
  EXPECT_TRUE(kept->follow(slow, {}, 0)) << "what was missed may be more than may be unread";
  EXPECT_FALSE(kept->alone_since());
  kept->write("data: 0123456789\n\n");
  EXPECT_TRUE(slow->dropped());
  EXPECT_TRUE(kept->alone_since());
}

}  // namespace
}  // namespace dsa::server
