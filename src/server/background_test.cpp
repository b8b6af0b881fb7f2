#include "server/background.h"

#include <gtest/gtest.h>

#include <future>
#include <string>

namespace dsa::server {
namespace {

TEST(Background, JobsAreDoneInOrderAndNobodyWaitsForThem) {
  Background background(10);
  std::promise<void> go;
  std::promise<std::string> done;
  std::string order;
  ASSERT_TRUE(background.post([&](bool) { go.get_future().wait(), order += 'a'; }));
  ASSERT_TRUE(background.post([&](bool) { order += 'b', done.set_value(order); }));
  go.set_value();
  EXPECT_EQ(done.get_future().get(), "ab");
}

TEST(Background, WhatWaitsAtTheEndIsToldThatItIsOverAndTooManyAreRefused) {
  std::promise<void> begun, go;
  int over = 0;
  {
    Background background(2);
    ASSERT_TRUE(background.post([&](bool) { begun.set_value(), go.get_future().wait(); }));
    begun.get_future().wait();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(background.post([&](bool is_over) { over += is_over ? 1 : 0; }));
    EXPECT_FALSE(background.post([](bool) {})) << "two wait already";
    background.stop();
    EXPECT_FALSE(background.post([](bool) {})) << "it is over";
    go.set_value();
  }
  EXPECT_EQ(over, 2);
}

}  // namespace
}  // namespace dsa::server
