#include "text/documents.h"

#include <gtest/gtest.h>

#include "testing/test_files.h"

namespace dsa {
namespace {

// The smallest one at hand.
Tokenizer tokenizer() {
  return Tokenizer::from_tokenizer_json(std::filesystem::path(DSA_SOURCE_DIR) / "tests" / "goldens" /
                                        "tokenizer" / "gpt2.tokenizer.json");
}

TEST(CutWindows, WholeWindowsOneAfterTheOther) {
  const std::vector<Document> documents{{.path = "a", .tokens = std::vector<std::int32_t>(10, 1)},
                                        {.path = "b", .tokens = std::vector<std::int32_t>(3, 2)},
                                        {.path = "c", .tokens = std::vector<std::int32_t>(4, 3)}};
  const auto windows = cut_windows(documents, 4);
  ASSERT_EQ(windows.size(), 3U);
  EXPECT_EQ(windows[1].document, 0U);
  EXPECT_EQ(windows[1].first, 4);
  EXPECT_EQ(windows[2].document, 2U);
  EXPECT_EQ(tokens_of(documents, windows[2], 4).front(), 3);
  expect_error([&] { (void)cut_windows(documents, 11); }, {"a:", "10 tokens", "11", "`context`"});
}

TEST(EvenlyChosen, InOrderAndNeverTwice) {
  std::vector<Window> windows;
  for (std::int64_t i = 0; i < 10; ++i) windows.push_back({.document = 0, .first = i});
  EXPECT_EQ(evenly_chosen(windows, 0).size(), 10U);
  EXPECT_EQ(evenly_chosen(windows, 20).size(), 10U);
  const auto three = evenly_chosen(windows, 3);
  ASSERT_EQ(three.size(), 3U);
  EXPECT_EQ(three[0].first, 0);
  EXPECT_LT(three[0].first, three[1].first);
  EXPECT_LT(three[1].first, three[2].first);
}

TEST(CorpusHash, KnowsNamesTokensAndWhereADocumentEnds) {
  using Tokens = std::vector<std::int32_t>;
  const auto hash = [](const Tokens& a, const Tokens& b, const char* name = "a") {
    const std::vector<Document> documents{{.path = name, .tokens = a}, {.path = "b", .tokens = b}};
    return corpus_hash(documents);
  };
  const auto same = hash({1, 2}, {3});
  EXPECT_EQ(same, hash({1, 2}, {3}));
  EXPECT_NE(same, hash({1, 2}, {4}));
  EXPECT_NE(same, hash({1}, {2, 3}));
  EXPECT_NE(same, hash({1, 2}, {3}, "z"));
}

TEST(ReadDocuments, FilesAndFoldersByName) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.path() / "in" / "deep");
  folder.write("in/b.txt", "second");
  folder.write("in/a.txt", "first");
  folder.write("in/deep/c.txt", "third");
  folder.write("in/.hidden", std::string("\0", 1));
  const auto t = tokenizer();
  const auto documents = read_documents({(folder.path() / "in").string()}, t, Architecture::llama);
  ASSERT_EQ(documents.size(), 3U);
  EXPECT_EQ(documents[0].path.filename(), "a.txt");
  EXPECT_EQ(t.decode(documents[2].tokens, /*skip_special=*/false), "third");
}

TEST(ReadDocuments, SaysWhatIsWrong) {
  const TempFolder folder;
  const auto t = tokenizer();
  const auto read = [&](const std::filesystem::path& path) {
    (void)read_documents({path.string()}, t, Architecture::llama);
  };
  expect_error([&] { read(folder.path() / "none"); }, {"none", "no such file"});
  expect_error([&] { read(folder.path()); }, {"no file"});
  expect_error([&] { read(folder.write("zero", "")); }, {"zero", "empty"});
  expect_error([&] { read(folder.write("nul", std::string("ab\0c", 4))); }, {"nul", "byte 2"});
  expect_error([&] { read(folder.write("latin1", "caf\xE9 \xE9t\xE9")); }, {"latin1", "UTF-8"});
}

}  // namespace
}  // namespace dsa
