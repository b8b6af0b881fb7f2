#include "server/exchange.h"

#include <gtest/gtest.h>

namespace dsa::server {
namespace {

TEST(Exchange, AnAnswerIsGivenOnce) {
  Exchange exchange(100);
  EXPECT_FALSE(exchange.take().head);
  exchange.send({.status = 404});
  exchange.send({.status = 500});
  exchange.begin({}, "");
  const auto out = exchange.take();
  ASSERT_TRUE(out.head);
  EXPECT_EQ(out.head->status, 404);
  EXPECT_TRUE(out.end);
  EXPECT_FALSE(out.stream);
  EXPECT_FALSE(exchange.take().head);
}

TEST(Exchange, WhatIsUnreadComesTogether) {
  Exchange exchange(100);
  int woken = 0;
  exchange.write("lost: nothing has begun");
  exchange.set_wake([&] { ++woken; });
  exchange.begin({.type = "text/event-stream"}, "");
  exchange.write("a");
  exchange.write("b");
  EXPECT_EQ(woken, 3);
  auto out = exchange.take();
  EXPECT_EQ(out.text, "ab");
  EXPECT_TRUE(out.head && out.stream && !out.end);
  exchange.write("c");
  exchange.end();
  exchange.write("lost: it has ended");
  out = exchange.take();
  EXPECT_EQ(out.text, "c");
  EXPECT_TRUE(out.end && !out.head);
}

TEST(Exchange, ASlowReaderIsDroppedPastTheBoundAndNotAtIt) {
  Exchange exchange(4);
  int gone = 0;
  exchange.on_gone([&] { ++gone; });
  exchange.begin({}, "");
  exchange.write("abcd");
  EXPECT_EQ(gone, 0);
  EXPECT_EQ(exchange.take().text, "abcd");
  exchange.write("abc");
  exchange.write("de");
  EXPECT_EQ(gone, 1);
  EXPECT_TRUE(exchange.take().dropped);
  exchange.vanish();
  EXPECT_EQ(gone, 1) << "said once";
}

TEST(Exchange, AClientThatHasGoneIsSaidToWhoAsksLate) {
  Exchange exchange(100);
  exchange.vanish();
  int gone = 0;
  exchange.on_gone([&] { ++gone; });
  EXPECT_EQ(gone, 1);
  exchange.send({.status = 200});
  EXPECT_TRUE(exchange.take().end) << "a client that only stopped sending is answered";
}

TEST(Exchange, NobodyIsTold) {
  int gone = 0;
  Exchange answered(100);
  answered.on_gone([&] { ++gone; });
  answered.send({});
  answered.vanish();
  Exchange detached(100);
  int woken = 0;
  detached.set_wake([&] { ++woken; });
  detached.detach();
  detached.begin({}, "");
  detached.write("x");
  EXPECT_EQ(gone, 0);
  EXPECT_EQ(woken, 0);
}

}  // namespace
}  // namespace dsa::server
