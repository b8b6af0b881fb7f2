// What of a step's episodes is trained on, and episodes as text.
#include <gtest/gtest.h>

#include "base/numeric.h"
#include "rl/rewards/language.h"
#include "rl/train/batch.h"
#include "rl/train/curriculum.h"
#include "rl/train/examples.h"
#include "rl/train/judge.h"
#include "rl/train/task_source.h"
#include "testing/letter_tasks.h"
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

TEST(TaskSource, StretchesAShareOfThePrompts) {
  const auto domains = parse_domains("search");
  TaskSettings settings;
  settings.hardest = 0;
  settings.stretch = 1000;
  settings.stretched = 0.25;
  const TaskSource source(domains, settings);
  std::int64_t stretched = 0, far = 0;
  for (std::int64_t i = 0; i < 400; ++i) {
    const auto drawn = source.training(i);
    const std::int64_t bytes = drawn.task->id().context;
    EXPECT_LE(bytes, 1000);
    EXPECT_GE(std::ssize(drawn.task->prompt()), bytes);
    stretched += bytes > 0 ? 1 : 0;
    far += bytes > 500 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(stretched), 100, 30);
  EXPECT_NEAR(static_cast<double>(far), 50, 25);
}

TEST(TaskSource, ADomainMayHaveHardestTasksOfItsOwn) {
  const auto domains = parse_domains("counting@4:3,logic");
  EXPECT_DOUBLE_EQ(domains[0].share, 0.75);
  EXPECT_EQ(text_of(domains[0]) + text_of(domains[1]), "counting@4logic");
  TaskSettings settings;
  settings.hardest = 1;
  const TaskSource source(domains, settings);
  int hardest[2] = {};
  for (std::int64_t i = 0; i < 100; ++i) {
    const auto drawn = source.training(i);
    int& own = hardest[drawn.domain == domains[0].domain ? 0 : 1];
    own = std::max(own, drawn.task->id().difficulty);
  }
  EXPECT_EQ(hardest[0], 4);
  EXPECT_EQ(hardest[1], 1);
  for (const char* bad : {"counting@", "counting@10", "counting@x", "counting@-1", "@2"})
    EXPECT_THROW(parse_domains(bad), Error) << bad;
}

// With random weights a judge knows nothing, but it says so for the same reasons every time.
TEST(Judge, SaysTheSameOfAnAttemptWhoeverElseIsJudged) {
  const test::LetterModel model;
  const Domain& counting = find_domain("counting");
  std::vector<std::unique_ptr<const Task>> tasks;
  std::vector<Transcript> transcripts;
  for (std::int64_t number = 0; number < 4; ++number) {
    tasks.push_back(make_task(counting, {.number = number}));
    transcripts.push_back(drawn_attempt(counting, {.number = number}, 3));
  }
  std::vector<Attempt> attempts;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    attempts.push_back({.task = tasks[i].get(), .transcript = &transcripts[i]});
  const auto open = [&] { return with_indexer(open_model(model.folder.path()), {}); };
  const std::atomic<bool> never = false, now = true;
  Judge judge(open(), model.tokenizer, 256, model.exec);
  const auto all = judge.verdicts(attempts, never).value();
  ASSERT_EQ(all.size(), 4U);
  for (const Verdicts& verdicts : all)
    for (const double yes : verdicts) EXPECT_TRUE(yes >= 0 && yes <= 1) << yes;
  EXPECT_EQ(judge.verdicts(std::span(attempts).subspan(2, 1), never)->front(), all[2]);
  EXPECT_FALSE(judge.verdicts(attempts, now).has_value());

  Judge narrow(open(), model.tokenizer, 8, model.exec);
  EXPECT_EQ(narrow.verdicts(attempts, never)->front(), Verdicts{}) << "what does not fit is worth nothing";
}

TEST(Judge, AgreementIsTheShareOfVerdictsThatTheRulesGive) {
  const Domain& counting = find_domain("counting");
  const auto task = make_task(counting, {});
  const Transcript right = play(*task, task->solution(Style::steps)), none = play(*task, {});
  const std::vector<Attempt> attempts{{.task = task.get(), .transcript = &right},
                                      {.task = task.get(), .transcript = &none}};
  Verdicts yes;
  yes.fill(0.9);
  const std::vector<Verdicts> verdicts{yes, yes};
  const Verdicts shares = agreement(attempts, verdicts);
  const auto rules = rubric_of(none);
  for (std::size_t line = 0; line < shares.size(); ++line)
    EXPECT_DOUBLE_EQ(shares[line], rules[line].yes ? 1 : 0.5) << kRubric[line];
  EXPECT_DOUBLE_EQ(judged_score(yes), 0.9);
}

// A judge's lesson ends with the verdict of the rules, and the same place is always the same lesson.
TEST(Judge, LearnsWhatTheRulesSay) {
  const test::LetterModel model;
  const auto domains = parse_domains("counting,mathematics");
  SftSettings settings;
  settings.domains = "counting,mathematics";
  settings.learns = "verdicts";
  settings.context = 512;
  JudgeCurriculum curriculum(domains, settings, model.tokenizer);
  const JudgeWording wording(model.tokenizer);
  std::int64_t yes = 0, right = 0;
  constexpr std::int64_t kLessons = 200;
  for (std::int64_t place = 0; place < kLessons; ++place) {
    const Played lesson = curriculum.at(place);
    ASSERT_EQ(lesson.written.size(), 1U);
    ASSERT_EQ(usize(lesson.written.front()) + 1, lesson.tokens.size());
    const auto verdict = lesson.tokens.back();
    ASSERT_TRUE(verdict == wording.verdict(true) || verdict == wording.verdict(false));
    yes += verdict == wording.verdict(true) ? 1 : 0;
    const std::string text = model.tokenizer.decode(lesson.tokens, true);
    right += text.find("is the answer right?") != std::string::npos ? 1 : 0;
    EXPECT_EQ(curriculum.at(place).tokens, lesson.tokens);
  }
  EXPECT_GT(yes, kLessons / 4);
  EXPECT_LT(yes, kLessons * 3 / 4 + 20);
  EXPECT_GT(right, kLessons / 2);

  settings.context = 16;
  JudgeCurriculum narrow(domains, settings, model.tokenizer);
  EXPECT_TRUE(narrow.at(0).written.empty()) << "a question that was cut has no verdict";
}

TEST(TaskCurriculum, MixesLanguagesIntoAShareOfTheSolutions) {
  const test::LetterModel model;
  const auto domains = parse_domains("logic");
  SftSettings settings;
  settings.domains = "logic";
  settings.style = "steps";
  const auto english = [&](double mixed) {
    settings.mixed = mixed;
    TaskCurriculum curriculum(domains, settings, Wording(model.tokenizer), {});
    double share = 0;
    for (std::int64_t place = 0; place < 50; ++place)
      share += language_share(curriculum.at(place).messages.front(), Language::english) / 50;
    return share;
  };
  EXPECT_DOUBLE_EQ(english(0), 1);
  EXPECT_LT(english(1), english(0.3));
  EXPECT_LT(english(0.3), 1);
}

}  // namespace
}  // namespace dsa::rl
