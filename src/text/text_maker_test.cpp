#include "text/text_maker.h"

#include <gtest/gtest.h>

#include <fstream>

#include "checkpoint/open_model.h"
#include "testing/retrieval_text_case.h"
#include "testing/test_files.h"
#include "testing/text_model.h"
#include "tokenizer/tokenizer.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kAskedTokens = 512;

/// Makes documents for a small model with a chat format and one token a byte.
class TextMakerTest : public ::testing::Test {
 protected:
  TextMakerTest()
      : tokenizer_([&] {
          test::write_chat_model(fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/llama_gqa",
                                 folder_.path() / "model");
          return Tokenizer::from_tokenizer_json(folder_.path() / "model/tokenizer.json");
        }()) {
    std::string text;
    for (int i = 0; i < 40; ++i)
      text += fmt::format("Paragraph {} speaks of tides and of the moon above them.\n\n", i);
    source_ = {.texts = {text}, .hash = "h"};
  }

  TextMaker maker(std::int64_t retrieval, std::int64_t chat) {
    const auto write =
        [this](const Passages&, std::int64_t number,
               const TextMaker::VisitTokens& progress) -> std::optional<std::vector<ChatMessage>> {
      asked_.push_back(number);
      if (cancel_) return std::nullopt;
      progress(100);
      return std::vector<ChatMessage>{{.role = Role::user, .content = std::string(2 * kAskedTokens, 'q')}};
    };
    return {{.folder = out_, .retrieval = retrieval, .chat = chat, .tokens = kAskedTokens, .seed = 3},
            {.name = "m", .fingerprint = "f", .architecture = Architecture::llama, .tokenizer = tokenizer_},
            source_,
            write};
  }

  TempFolder folder_;
  fs::path out_ = folder_.path() / "out";
  Tokenizer tokenizer_;
  TextSource source_;
  std::vector<std::int64_t> asked_;  // for which conversations
  std::atomic<bool> cancel_ = false;
};

TEST_F(TextMakerTest, MakesWhatIsNotThereAndListsAllOfIt) {
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  const auto progress = [&](std::int64_t done, std::int64_t all) { seen.emplace_back(done, all); };
  TextMaker first = maker(2, 1);
  EXPECT_EQ(first.make_all(progress, cancel_), TextMaker::Outcome::done);
  EXPECT_EQ(first.made(), 3);
  ASSERT_EQ(first.documents().size(), 3U);
  for (const auto& [file, made] : first.documents()) {
    EXPECT_TRUE(fs::exists(out_ / file)) << file;
    EXPECT_GE(made.tokens, kAskedTokens) << file;
  }
  EXPECT_EQ(seen, (std::vector<std::pair<std::int64_t, std::int64_t>>{
                      {512, 1536}, {1024, 1536}, {1124, 1536}, {1536, 1536}}));

  TextMaker more = maker(3, 2);
  EXPECT_EQ(more.make_all({}, cancel_), TextMaker::Outcome::done);
  EXPECT_EQ(more.made(), 2);
  EXPECT_EQ(more.documents().size(), 5U);
  EXPECT_EQ(asked_, (std::vector<std::int64_t>{0, 1}));
}

TEST_F(TextMakerTest, CancelledItKeepsWhatIsWhole) {
  cancel_ = true;
  TextMaker none = maker(2, 1);
  EXPECT_EQ(none.make_all({}, cancel_), TextMaker::Outcome::cancelled);
  EXPECT_TRUE(none.documents().empty());
  cancel_ = false;
  const auto stop = [&](std::int64_t done, std::int64_t) { cancel_ = done == kAskedTokens; };
  TextMaker one = maker(2, 1);
  EXPECT_EQ(one.make_all(stop, cancel_), TextMaker::Outcome::cancelled);
  EXPECT_EQ(one.documents().size(), 1U);
  cancel_ = false;
  EXPECT_EQ(maker(2, 1).make_all({}, cancel_), TextMaker::Outcome::done);
}

TEST_F(TextMakerTest, RefusesADocumentThatWasCutShort) {
  maker(1, 0).make_all({}, cancel_);
  std::ofstream(out_ / kTextFolder / "retrieval-000.txt") << "short";
  expect_error([&] { maker(1, 0).make_all({}, cancel_); }, {"retrieval-000.txt", "5 tokens", "at least 512"});
}

TEST_F(TextMakerTest, DocumentsLieApartFromWhatTheyAreMadeFrom) {
  const auto text = folder_.write("a.txt", "Some text.");
  check_text_folder(folder_.path() / "new", {text.string()});
  expect_error([&] { check_text_folder(folder_.path() / "x", {folder_.path().string()}); },
               {"x: lies inside the text it is made from"});
  fs::create_directories(out_);
  check_text_folder(out_, {text.string()});
  std::ofstream(out_ / "thesis.txt") << "mine";
  expect_error([&] { check_text_folder(out_, {text.string()}); },
               {"out: is there but holds no manifest.json"});
}

TEST_F(TextMakerTest, ASourceIsItsTextsAndTheirHash) {
  const auto a = folder_.write("a.txt", "Some text."), b = folder_.write("b.txt", "Some more.");
  folder_.write("c.chat.json", "{}");
  const TextSource one = read_text_source({a.string()}), both = read_text_source({a.string(), b.string()});
  EXPECT_EQ(both.texts, (std::vector<std::string>{"Some text.", "Some more."}));
  EXPECT_NE(one.hash, both.hash);
  EXPECT_TRUE(read_text_source({(folder_.path() / "c.chat.json").string()}).texts.empty())
      << "a conversation";
  expect_error([&] { read_text_source({folder_.write("bin", std::string("a\0b", 3)).string()}); },
               {"bin: is not text"});
}

}  // namespace
}  // namespace dsa
