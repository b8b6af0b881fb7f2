#include "engine/disk_keeper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "engine/page_file.h"
#include "testing/page_case.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;
using test::kPageBytes;
using test::PageCase;

constexpr std::int64_t kFile = kPageBytes + kPageHeaderBytes;

class Keeper : public ::testing::Test {
 protected:
  [[nodiscard]] DiskKeeper keeper(std::int64_t pages, int root = 1) const {
    return {file_calls(),
            {.cache = cache_,
             .limit_bytes = pages * kFile,
             .root = {std::byte(root)},
             .model = {.model = "tiny", .weights = "abc"}}};
  }
  [[nodiscard]] fs::path path(const PageCase& page, int root = 1) const {
    return page_path(model_folder(cache_, {std::byte(root)}), page.name.key);
  }
  [[nodiscard]] bool there(const PageCase& page, int root = 1) const { return fs::exists(path(page, root)); }
  // As if it had last been used so long ago.
  void age(const PageCase& page, double seconds) const {
    const timespec time{.tv_sec = static_cast<time_t>(moment_now() - seconds), .tv_nsec = 0};
    const timespec times[] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, path(page).c_str(), times, 0), 0);
  }
  [[nodiscard]] std::int64_t bytes_on_disk() const {
    std::int64_t bytes = 0;
    for (const auto& folder : model_folders(cache_))
      for (const auto& page : pages_in(folder)) bytes += page.bytes;
    return bytes;
  }

  const TempFolder folder_;
  const fs::path cache_ = folder_.path() / "home" / "cache";
};

void save(DiskKeeper& keeper, const PageCase& page) {
  ASSERT_EQ(keeper.save(page.name, page.bytes), std::error_code());
}

TEST_F(Keeper, AFolderForEachModelSaysWhichAndIsItsOwnersAlone) {
  DiskKeeper one = keeper(10);
  ASSERT_EQ(one.prepare(), std::error_code());
  const PageCase page(1, 0, kPageBytes);
  save(one, page);
  const auto folders = model_folders(cache_);
  ASSERT_EQ(folders.size(), 1U);
  EXPECT_EQ(folders[0].filename(), "0100000000000000");
  EXPECT_EQ(described_model(folders[0]).model, "tiny");
  EXPECT_EQ(described_model(folders[0]).weights, "abc");
  for (const auto& folder : {cache_, folders[0]})
    EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all) << folder;
  const auto pages = pages_in(folders[0]);
  ASSERT_EQ(pages.size(), 1U);
  EXPECT_EQ(pages[0].key, page.name.key);
  EXPECT_EQ(pages[0].bytes, kFile);
  EXPECT_NEAR(pages[0].last_use, moment_now(), 60);
  EXPECT_EQ(one.bytes(), kFile);
}

TEST_F(Keeper, ALongTextKeepsItsBeginning) {
  DiskKeeper one = keeper(8);
  ASSERT_EQ(one.prepare(), std::error_code());
  for (int i = 0; i < 40; ++i) {
    save(one, PageCase(1, i, kPageBytes));
    ASSERT_LE(bytes_on_disk(), 8 * kFile);
    ASSERT_EQ(one.bytes(), bytes_on_disk());
  }
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(there(PageCase(1, i, 0))) << i;
}

TEST_F(Keeper, WhatWasUsedLongAgoMakesRoom) {
  DiskKeeper one = keeper(8);
  ASSERT_EQ(one.prepare(), std::error_code());
  const PageCase old(1, 0, kPageBytes), used(2, 0, kPageBytes);
  save(one, old);
  save(one, used);
  age(old, 3 * kHalfLife);
  age(used, 3 * kHalfLife);
  touch_page(file_calls(), path(used));
  for (int i = 3; i < 10; ++i) save(one, PageCase(i, 0, kPageBytes));
  EXPECT_FALSE(there(old));
  EXPECT_TRUE(there(used));
}

TEST_F(Keeper, UsesAreRememberedByThoseWhoComeLater) {
  const PageCase often(1, 0, kPageBytes), once(2, 0, kPageBytes);
  {
    DiskKeeper one = keeper(8);
    ASSERT_EQ(one.prepare(), std::error_code());
    save(one, often);
    save(one, once);
    for (int i = 0; i < 10; ++i) touch_page(file_calls(), path(often));
  }
  DiskKeeper later = keeper(8);
  ASSERT_EQ(later.prepare(), std::error_code());
  EXPECT_EQ(later.pages(), 2);
  // All the others are newer than both.
  for (int i = 3; i < 10; ++i) save(later, PageCase(i, 0, kPageBytes));
  EXPECT_TRUE(there(often));
  EXPECT_FALSE(there(once));
}

TEST_F(Keeper, TheLimitIsForAllModelsAndProcessesTogether) {
  DiskKeeper one = keeper(10, 1), other = keeper(10, 2);
  ASSERT_EQ(one.prepare(), std::error_code());
  ASSERT_EQ(other.prepare(), std::error_code());
  for (int i = 0; i < 8; ++i) {
    save(one, PageCase(i, 0, kPageBytes));
    save(other, PageCase(100 + i, 0, kPageBytes));
  }
  // Each has seen what the other did, at the latest when it looks again.
  one.look();
  EXPECT_EQ(one.pages(), 16);
  save(one, PageCase(50, 0, kPageBytes));
  EXPECT_LE(bytes_on_disk(), 10 * kFile);
  EXPECT_EQ(one.bytes(), bytes_on_disk());
  other.look();
  EXPECT_EQ(other.pages(), one.pages());
}

TEST_F(Keeper, TheOrderOfPagesIsKnownAfterARestart) {
  {
    DiskKeeper one = keeper(100);
    ASSERT_EQ(one.prepare(), std::error_code());
    for (int i = 0; i < 10; ++i) save(one, PageCase(1, i, kPageBytes));
  }
  for (int i = 0; i < 10; ++i) age(PageCase(1, i, 0), kHalfLife - i);  // the first is the oldest
  DiskKeeper later = keeper(10);
  ASSERT_EQ(later.prepare(), std::error_code());
  save(later, PageCase(2, 0, kPageBytes));
  EXPECT_TRUE(there(PageCase(1, 0, 0)));
  EXPECT_FALSE(there(PageCase(1, 9, 0)));
  EXPECT_TRUE(there(PageCase(2, 0, 0)));
}

TEST_F(Keeper, FilesThatAreCutShortAreRemovedOthersStay) {
  DiskKeeper one = keeper(10);
  ASSERT_EQ(one.prepare(), std::error_code());
  const PageCase cut(1, 0, kPageBytes), whole(2, 0, kPageBytes), newer(3, 0, kPageBytes);
  for (const auto* page : {&cut, &whole, &newer}) save(one, *page);
  fs::resize_file(path(cut), 500);
  const int fd = ::open(path(newer).c_str(), O_WRONLY);
  ASSERT_EQ(::pwrite(fd, "\x63", 1, 8), 1);  // its version
  ::close(fd);
  const fs::path folder = model_folder(cache_, {std::byte(1)});
  std::ofstream(folder / "notes.txt") << "mine";
  std::ofstream(folder / ".x.1.1.tmp") << "left by a killed writer";
  fs::create_directory(folder / std::string(64, 'a'));
  DiskKeeper later = keeper(10);
  ASSERT_EQ(later.prepare(), std::error_code());
  EXPECT_EQ(later.pages(), 2);
  EXPECT_EQ(later.damaged(), 1);
  EXPECT_FALSE(there(cut));
  EXPECT_TRUE(there(whole));
  EXPECT_TRUE(there(newer));
  EXPECT_TRUE(fs::exists(folder / "notes.txt"));
  EXPECT_FALSE(fs::exists(folder / ".x.1.1.tmp"));
}

TEST_F(Keeper, AFolderThatIsRemovedIsMadeAgain) {
  DiskKeeper one = keeper(10);
  ASSERT_EQ(one.prepare(), std::error_code());
  save(one, PageCase(1, 0, kPageBytes));
  fs::remove_all(cache_);
  save(one, PageCase(1, 1, kPageBytes));
  EXPECT_EQ(one.pages(), 1);
  EXPECT_TRUE(there(PageCase(1, 1, 0)));
}

TEST_F(Keeper, AFolderThatCannotBeMadeIsAnErrorThatSaysWhy) {
  folder_.write("home", "a file");
  EXPECT_EQ(keeper(10).prepare(), std::errc::not_a_directory);
}

TEST_F(Keeper, TheDefaultLimitLeavesMostOfTheDisk) {
  const std::int64_t limit = default_cache_bytes(cache_);
  EXPECT_GT(limit, 0);
  EXPECT_LE(limit, std::int64_t{4} << 30);
  const auto space = fs::space(folder_.path());
  EXPECT_LE(limit, static_cast<std::int64_t>(space.capacity / 10));
}

}  // namespace
}  // namespace dsa
