// What of a step's episodes is trained on, and episodes as text.
#include <gtest/gtest.h>

#include "rl/train/batch.h"
#include "rl/train/examples.h"
#include "rl/train/task_source.h"
#include "testing/test_files.h"

namespace dsa::rl {
namespace {

Played worth_of(double score, std::int32_t tokens = 4) {
  Played out;
  for (std::int32_t i = 1; i <= tokens; ++i) {
    out.written.push_back(i);
    out.log_probs.push_back(-0.5F);
  }
  out.score.value = score;
  return out;
}

TEST(Lessons, AreOfTheGroupsThatDiffer) {
  const Groups groups{{worth_of(1), worth_of(1)},
                      {worth_of(1), worth_of(0)},
                      {worth_of(0), worth_of(0)},
                      {worth_of(0.5), worth_of(1)}};
  const auto all = lessons(groups, {});
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].advantage, 0.5);
  EXPECT_EQ(all[1].advantage, -0.5);
  EXPECT_EQ(all[2].advantage, -0.25);
  EXPECT_EQ(all[1].played, &groups[1][1]);

  const auto parts = deal(all, 3);
  ASSERT_EQ(parts.size(), 2U) << "a part without lessons";
  EXPECT_EQ(parts[1][0].group, 3U);
  const BatchSize size = size_of(all, 9);
  EXPECT_EQ(size.answers, 4);
  EXPECT_EQ(size.tokens, 16);

  const auto record = record_of(groups, {}, [](std::size_t g) { return g < 2 ? "a" : "b"; });
  EXPECT_DOUBLE_EQ(record.solved, 0.5);
  EXPECT_DOUBLE_EQ(record.reward, 4.5 / 8);
  EXPECT_DOUBLE_EQ(record.signal, 0.5);
  EXPECT_DOUBLE_EQ(record.entropy, 0.5);
  EXPECT_DOUBLE_EQ(record.domains[0].second, 0.75);
  EXPECT_DOUBLE_EQ(record.domains[1].second, 0.25);
}

TEST(Lessons, ALongEpisodeIsWorthLess) {
  GrpoSettings s;
  s.message_tokens = 8;
  s.overlong = 0.5;
  const Groups groups{{worth_of(1, 4), worth_of(1, 7), worth_of(1, 8)}};
  const auto all = lessons(groups, s);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_DOUBLE_EQ(all[0].advantage - all[1].advantage, 0.25);
  EXPECT_DOUBLE_EQ(all[0].advantage - all[2].advantage, 0.5);
}

TEST(Examples, AreReadAsTheyWereWritten) {
  TempFolder folder;
  const Domain& domain = domains().front();
  const Example example{.domain = &domain,
                        .id = {.seed = 1, .number = 7, .difficulty = 2, .context = 0},
                        .style = Style::brief,
                        .messages = {"a \"b\"\n", "answer: 3"}};
  const auto path = folder.write("episodes.jsonl", to_line(example));
  const auto read = read_examples(path);
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].domain, &domain);
  EXPECT_EQ(read[0].id, example.id);
  EXPECT_EQ(read[0].style, Style::brief);
  EXPECT_EQ(read[0].messages, example.messages);

  const auto refused = [&](const std::string& text, const char* why) {
    try {
      static_cast<void>(read_examples(folder.write("bad.jsonl", text)));
      ADD_FAILURE() << text << " was taken";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  };
  refused("", "holds no episodes");
  refused("{", "line 1");
  refused(to_line(example) + "{}\n", "line 2: is no episode");
  auto other = to_line(example);
  refused(other.replace(other.find("brief"), 5, "short"), "expected steps or brief");
}

TEST(TaskSource, DrawsByTheShares) {
  TaskSettings s;
  s.easiest = 1;
  s.hardest = 3;
  const auto all = parse_domains("all");
  const TaskSource source(all, s);
  std::int64_t brief = 0, levels[4] = {};
  for (std::int64_t i = 0; i < 300; ++i) {
    const auto drawn = source.training(i);
    EXPECT_EQ(drawn.task->id().seed, kTrainingSeed);
    brief += drawn.style == Style::brief ? 1 : 0;
    ++levels[drawn.task->id().difficulty];
    EXPECT_NE(source.held_out(i).task->id().seed, kTrainingSeed);
  }
  EXPECT_NEAR(static_cast<double>(brief), 150, 40);
  EXPECT_EQ(levels[0], 0);
  for (const int level : {1, 2, 3}) EXPECT_NEAR(static_cast<double>(levels[level]), 100, 35);
}

}  // namespace
}  // namespace dsa::rl
