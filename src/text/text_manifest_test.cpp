#include "text/text_manifest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "testing/test_files.h"

namespace dsa {
namespace {

const TextSettings kSettings{
    .model = "m.gguf", .fingerprint = "f0", .passages = "a1", .tokens = 8192, .seed = 7};

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(TextManifest, ListsWhatItIsToldAndReadsItAgain) {
  const TempFolder folder;
  folder.write("a.txt", "a");
  folder.write("b.txt", "b");
  const MadeText a{.bytes = 1, .tokens = 2, .sha256 = "aa"}, b{.bytes = 3, .tokens = 4, .sha256 = "bb"};
  TextManifest first(folder.path(), kSettings);
  EXPECT_TRUE(first.documents().empty());
  first.add("a.txt", a);
  first.add("b.txt", b);
  first.write();
  TextManifest again(folder.path(), kSettings);
  EXPECT_EQ(again.documents(), first.documents());
  again.add("a.txt", a);
  expect_error([&] { again.add("b.txt", a); },
               {"manifest.json", "b.txt", "changed", "bb", "aa", "remove it"});
  const std::string text = content(folder.path() / kManifestFile);
  again.write();
  EXPECT_EQ(content(folder.path() / kManifestFile), text);
}

TEST(TextManifest, ForgetsDocumentsThatAreGone) {
  const TempFolder folder;
  TextManifest manifest(folder.path(), kSettings);
  manifest.add("gone.txt", {.bytes = 1, .tokens = 2, .sha256 = "aa"});
  manifest.write();
  EXPECT_TRUE(TextManifest(folder.path(), kSettings).documents().empty());
}

TEST(TextManifest, RefusesOtherSettings) {
  const TempFolder folder;
  TextManifest(folder.path(), kSettings).write();
  struct Case {
    void (*change)(TextSettings&);
    std::vector<std::string> error;
  };
  const Case cases[]{
      {[](TextSettings& s) { s.model = "n.gguf"; }, {"model m.gguf, not n.gguf"}},
      {[](TextSettings& s) { s.fingerprint = "f1"; }, {"fingerprint f0, not f1"}},
      {[](TextSettings& s) { s.passages = "a2"; }, {"passages_sha256 a1, not a2"}},
      {[](TextSettings& s) { s.tokens = 4096; }, {"ctx 8192, not 4096"}},
      {[](TextSettings& s) { s.seed = 8; }, {"seed 7, not 8"}},
  };
  for (const auto& c : cases) {
    TextSettings settings = kSettings;
    c.change(settings);
    auto parts = c.error;
    parts.insert(parts.end(), {"manifest.json", "another `out`"});
    expect_error([&] { (void)TextManifest(folder.path(), settings); }, parts);
  }
}

TEST(TextManifest, RefusesWhatIsNone) {
  for (const char* text : {"", "{", "[]", "{}", "{\"format\": \"x\"}", "{\"format\": 2}", "{\"format\": 1}",
                           R"({"format": 1, "model": 1})"}) {
    const TempFolder folder;
    folder.write(kManifestFile, text);
    expect_error([&] { (void)TextManifest(folder.path(), kSettings); }, {"manifest.json"});
  }
}

}  // namespace
}  // namespace dsa
