#include "eval/retrieval_result.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "testing/test_files.h"

namespace dsa {
namespace {

const nlohmann::ordered_json kRun{{"seed", 0}, {"top_k", 16}};

RetrievalResult result(std::int64_t number) {
  return {.task = RetrievalTask::multi_key,
          .length = 1024,
          .number = number,
          .prompt_tokens = 1000,
          .answer_tokens = 8,
          .dense = {.match = true, .log_prob = -0.1234567890123, .said = "1234567"},
          .sparse = {.match = false, .log_prob = -3.5, .said = "a \"quote\"\nand a line"}};
}

std::string content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST(RetrievalLog, GivesBackWhatWasAppended) {
  const TempFolder folder;
  const auto path = folder.path() / "state";
  {
    RetrievalLog log(path, kRun);
    EXPECT_TRUE(log.earlier().empty());
    log.append(result(0));
    log.append(result(1));
  }
  const RetrievalLog log(path, kRun);
  ASSERT_EQ(log.earlier().size(), 2U);
  const RetrievalResult& r = log.earlier()[1];
  EXPECT_EQ(r.task, RetrievalTask::multi_key);
  EXPECT_EQ(r.length, 1024);
  EXPECT_EQ(r.number, 1);
  EXPECT_EQ(r.answer_tokens, 8);
  EXPECT_TRUE(r.dense.match);
  EXPECT_FALSE(r.sparse.match);
  EXPECT_EQ(r.dense.log_prob, -0.1234567890123) << "every bit";
  EXPECT_EQ(r.sparse.said, "a \"quote\"\nand a line");
}

// Killed at any byte: whole lines are kept, and what is appended then stands on a line of its own.
TEST(RetrievalLog, ALineThatWasCutOffIsDropped) {
  const TempFolder folder;
  const auto path = folder.path() / "state";
  {
    RetrievalLog log(path, kRun);
    log.append(result(0));
    log.append(result(1));
  }
  const std::string whole = content(path);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    folder.write("state", whole.substr(0, size));
    const auto lines = static_cast<std::size_t>(
        std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size), '\n'));
    {
      RetrievalLog log(path, kRun);
      ASSERT_EQ(log.earlier().size(), lines > 0 ? lines - 1 : 0) << size;
      log.append(result(7));
    }
    const RetrievalLog log(path, kRun);
    ASSERT_EQ(log.earlier().back().number, 7) << size;
  }
}

TEST(RetrievalLog, SaysWhatIsWrong) {
  const TempFolder folder;
  const auto path = folder.path() / "state";
  { RetrievalLog log(path, kRun); }
  expect_error(
      [&] {
        RetrievalLog(path, {{"seed", 1}, {"top_k", 16}});
      },
      {"state", "another run", "seed 0", "expected 1"});
  expect_error([&] { RetrievalLog(folder.write("text", "hello\n"), kRun); }, {"text", "another run"});
  folder.write("state", content(path) + "{\"task\": \"single\"}\n");
  expect_error([&] { RetrievalLog(path, kRun); }, {"state", "line 2"});
  expect_error([&] { RetrievalLog(folder.path() / "no" / "state", kRun); }, {"state", "No such"});
}

}  // namespace
}  // namespace dsa
