#include "engine/threaded_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <random>
#include <semaphore>

#include "engine/ask.h"
#include "testing/chat_tokenizer.h"
#include "testing/fake_runner.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

using Tokens = std::vector<std::int32_t>;

using test::kVocabulary;

Request random_request(std::mt19937& draw) {
  Request request;
  std::mt19937 text(draw() % 5);  // many begin alike
  for (auto length = 1 + draw() % 200; length > 0; --length)
    request.prompt.push_back(static_cast<std::int32_t>(text() % 256));
  for (auto length = draw() % 20; length > 0; --length)
    request.prompt.push_back(static_cast<std::int32_t>(draw() % 256));
  request.sampling.temperature = 0;
  request.max_tokens = static_cast<std::int64_t>(draw() % 12);
  request.priority = static_cast<std::int32_t>(draw() % 2);
  return request;
}

Tokens expected(const Request& request, const Runner& runner) {
  Tokens all = request.prompt, answer;
  while (std::ssize(answer) < request.max_tokens) {
    answer.push_back(test::FakeRunner::next(all, runner.rule(request.run), kVocabulary));
    all.push_back(answer.back());
  }
  return answer;
}

class ThreadedEngineTest : public testing::Test {
 protected:
  ThreadedEngineTest()
      : tokenizer_(test::chat_tokenizer_spec()),
        runner_({.context = 256, .rows = 64, .pages = 16, .vocabulary = kVocabulary}) {}

  Tokenizer tokenizer_;
  test::FakeRunner runner_;
  const std::atomic<bool> never_{false};
};

TEST_F(ThreadedEngineTest, ManyThreadsAskAndLeaveAndEveryAnswerIsRight) {
  ThreadedEngine engine(runner_, tokenizer_, {.max_running = 6});
  std::vector<std::future<void>> clients;
  std::atomic<std::int64_t> answered{0}, left{0};
  for (std::uint32_t client = 0; client < 6; ++client)
    clients.push_back(std::async(std::launch::async, [&, client] {
      std::mt19937 draw(client);
      for (int i = 0; i < 1700; ++i) {
        const Request request = random_request(draw);
        const bool leaves = draw() % 4 == 0;
        std::atomic<bool> cancel{leaves};
        const Answer answer = ask(engine, request, {}, cancel);
        const Tokens whole = expected(request, runner_);
        if (answer.finish_reason == FinishReason::cancelled) {
          EXPECT_TRUE(leaves);
          EXPECT_TRUE(std::equal(answer.tokens.begin(), answer.tokens.end(), whole.begin()));
          ++left;
        } else {
          EXPECT_EQ(answer.tokens, whole);
          ++answered;
        }
        static_cast<void>(engine.status());
      }
    }));
  for (auto& client : clients) client.get();
  EXPECT_GT(answered, 0);
  EXPECT_GT(left, 0);
  const EngineStatus status = engine.status();
  EXPECT_EQ(status.pages_free + status.pages_cached, status.pages);
}

// Else a model that has to go at once would take the last counts with it.
TEST_F(ThreadedEngineTest, AnAnswerIsCountedBeforeItsEndIsTold) {
  ThreadedEngine engine(runner_, tokenizer_, {});
  Request request;
  request.prompt = Tokens(20, 1);
  request.sampling.temperature = 0;
  request.max_tokens = 3;
  for (std::int64_t answers = 1; answers <= 20; ++answers) {
    std::promise<EngineStatus> told;
    engine.submit(request, [&](Event&& event) {
      if (std::holds_alternative<Finished>(event.what)) told.set_value(engine.status());
    });
    const EngineStatus status = told.get_future().get();
    EXPECT_EQ(status.written_tokens, 3 * answers);
    EXPECT_EQ(status.finished[static_cast<std::size_t>(FinishReason::length)], answers);
    EXPECT_EQ(status.reading + status.writing, 0);
  }
}

TEST_F(ThreadedEngineTest, TheQueueIsBoundedInRequestsAndBytes) {
  std::counting_semaphore<> reading{0}, go_on{0};
  runner_.on_slice = [&](const SequenceSlice&) {
    reading.release();
    go_on.acquire();
  };
  Request request;
  request.prompt = Tokens(100, 1);
  request.max_tokens = 1;
  std::atomic<int> finished{0};
  const auto sink = [&](Event&& event) { finished += std::holds_alternative<Finished>(event.what) ? 1 : 0; };
  {
    ThreadedEngine engine(runner_, tokenizer_, {.max_running = 1}, {.requests = 3, .bytes = 100'000});
    const auto fill = [&] {
      for (int taken = 0;; ++taken) {
        try {
          engine.submit(request, sink);
        } catch (const RequestError& error) {
          EXPECT_EQ(error.why(), Refused::queue_full);
          return taken;
        }
      }
    };
    engine.submit(request, sink);
    reading.acquire();
    EXPECT_EQ(fill(), 2) << "what is being read for the first time has not left the queue";
    go_on.release();
    reading.acquire();  // all others have been taken from who submitted them, and wait within
    EXPECT_EQ(fill(), 1);
    go_on.release(100);
    while (finished < 4) std::this_thread::yield();
  }
  ThreadedEngine small(runner_, tokenizer_, {}, {.requests = 3, .bytes = 399});
  EXPECT_THROW(small.submit(request, sink), RequestError);
}

TEST_F(ThreadedEngineTest, ADrainLetsRunningOnesFinishAndRefusesOthers) {
  ThreadedEngine engine(runner_, tokenizer_, {});
  std::mt19937 draw(1);
  const Request request = random_request(draw);
  std::promise<Finished> over;
  engine.submit(request, [&](Event&& event) {
    if (auto* finished = std::get_if<Finished>(&event.what)) over.set_value(std::move(*finished));
  });
  engine.drain(std::chrono::hours(1));
  EXPECT_NE(over.get_future().get().reason, FinishReason::cancelled);
  EXPECT_TRUE(engine.status().draining);
  try {
    engine.submit(request, [](Event&&) {});
    FAIL() << "a request was taken";
  } catch (const RequestError& error) {
    EXPECT_EQ(error.why(), Refused::draining);
  }
}

TEST_F(ThreadedEngineTest, WhatIsNotDoneWhenTheDrainIsOverIsCancelled) {
  std::promise<void> go_on;
  const auto gate = go_on.get_future().share();
  runner_.on_slice = [gate](const SequenceSlice&) { gate.wait(); };
  ThreadedEngine engine(runner_, tokenizer_, {});
  Request request;
  request.prompt = Tokens(100, 1);
  request.sampling.temperature = 0;
  std::promise<Finished> over;
  engine.submit(request, [&](Event&& event) {
    if (auto* finished = std::get_if<Finished>(&event.what)) over.set_value(std::move(*finished));
  });
  engine.drain(std::chrono::hours(1));
  engine.drain(std::chrono::milliseconds(0));  // the second one is shorter
  go_on.set_value();
  EXPECT_EQ(over.get_future().get().reason, FinishReason::cancelled);
}

TEST_F(ThreadedEngineTest, AnEngineThatGoesEndsWhatRuns) {
  std::vector<FinishReason> reasons;
  {
    ThreadedEngine engine(runner_, tokenizer_, {});
    Request request;
    request.prompt = Tokens(10, 1);
    request.choices = 2;
    engine.submit(request, [&](Event&& event) {
      if (const auto* finished = std::get_if<Finished>(&event.what)) reasons.push_back(finished->reason);
    });
  }
  EXPECT_EQ(reasons.size(), 2U);
}

}  // namespace
}  // namespace dsa
