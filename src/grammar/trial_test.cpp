#include "grammar/trial.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace dsa {
namespace {

std::string outcome(const std::function<void()>& work, TrialLimits limits = {}) {
  try {
    try_in_child(work, limits);
    return "done";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Trial, WorkThatEndsChangesNothingHere) {
  int here = 1;
  EXPECT_EQ(outcome([&] { here = 2; }), "done");
  EXPECT_EQ(here, 1);
}

TEST(Trial, AnErrorSaysWhatItSaidThere) {
  EXPECT_EQ(outcome([] { fail("the word of the child"); }), "the word of the child");
}

TEST(Trial, WhatDoesNotEndIsEnded) {
  volatile bool on = true;
  EXPECT_EQ(outcome(
                [&] {
                  while (on) {
                  }
                },
                {.time = std::chrono::milliseconds(50)}),
            "it took more than 0.05 seconds, or went wrong");
}

TEST(Trial, ADeathStaysTheChilds) {
  EXPECT_NE(outcome([] { std::raise(SIGKILL); }), "done");
  EXPECT_NE(outcome([] { _exit(0); }), "done") << "it said nothing";
}

TEST(Trial, MemoryIsBounded) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer maps what it likes";
#endif
  constexpr std::size_t kMiB = 1 << 20;
  const auto take = [](std::size_t bytes) {
    return [bytes] {
      std::vector<char> much(bytes);
      [[maybe_unused]] static volatile char sink;
      sink = much[bytes / 2];
    };
  };
  EXPECT_EQ(outcome(take(256 * kMiB), {.memory = 64 * kMiB}), "it took more than 64 MiB");
  EXPECT_EQ(outcome(take(16 * kMiB), {.memory = 64 * kMiB}), "done");
}

TEST(Trial, NoChildIsLeft) {
  for (int i = 0; i < 20; ++i) outcome([] { fail("x"); });
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace dsa
