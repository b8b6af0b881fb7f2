#include "engine/disk_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <thread>

#include "engine/page_file.h"
#include "testing/page_case.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;
using test::kPageBytes;
using test::PageCase;
using namespace std::chrono_literals;

// A disk that is full, or holds its writers up, while it is told to.
class SlowDisk final : public FileCalls {
 public:
  ssize_t write(int fd, const void* from, std::size_t bytes) override {
    writes.fetch_add(1);
    std::unique_lock lock(mutex_);
    if (held_) waits_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    errno = error.load();
    return errno != 0 ? -1 : FileCalls::write(fd, from, bytes);
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true, waits_ = false;
  }
  // Until somebody wants to write.
  void await_writer() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waits_; });
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }

  std::atomic<int> error = 0, writes = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false, waits_ = false;
};

class Disk : public ::testing::Test {
 protected:
  [[nodiscard]] DiskOptions options() {
    return {.cache = cache_,
            .limit_bytes = 100'000'000,
            .root = {std::byte{1}},
            .model = {.model = "tiny", .weights = "abc"},
            .retry = 20ms,
            .finish = 100s,
            .calls = &disk_};
  }
  [[nodiscard]] fs::path path(const PageCase& page) const {
    return page_path(model_folder(cache_, {std::byte{1}}), page.name.key);
  }

  const TempFolder folder_;
  const fs::path cache_ = folder_.path() / "cache";
  SlowDisk disk_;
};

bool offer(DiskStore& store, const PageCase& page) { return store.offer(page.name, page.bytes); }

// Only the very bytes are found.
bool finds(DiskStore& store, const PageCase& page) {
  std::vector<std::byte> bytes(page.bytes.size());
  if (!store.get(page.name, bytes)) return false;
  EXPECT_EQ(bytes, page.bytes);
  return true;
}

TEST_F(Disk, WhatWasOfferedIsFoundAlsoAfterARestart) {
  const PageCase first(1, 0, kPageBytes), second(1, 1, kPageBytes), never(2, 0, kPageBytes);
  {
    DiskStore store(options());
    EXPECT_FALSE(store.contains(first.name.key));
    EXPECT_TRUE(offer(store, first));
    EXPECT_TRUE(offer(store, second));
    EXPECT_TRUE(finds(store, first));  // wherever it is by now
    store.flush();
    EXPECT_TRUE(finds(store, second));
    const DiskStatus status = store.status();
    EXPECT_EQ(status.written, 2);
    EXPECT_EQ(status.pages, 2);
    EXPECT_EQ(status.bytes, 2 * static_cast<std::int64_t>(kPageBytes + kPageHeaderBytes));
    EXPECT_EQ(status.hits, 2);
    EXPECT_EQ(status.misses, 1);
  }
  DiskStore store(options());
  EXPECT_TRUE(store.contains(first.name.key));
  EXPECT_FALSE(store.contains(never.name.key));
  EXPECT_TRUE(finds(store, first));
  EXPECT_TRUE(finds(store, second));
  EXPECT_FALSE(finds(store, never));
  store.flush();
  EXPECT_EQ(store.status().pages, 2);
}

TEST_F(Disk, AnEndWritesWhatWaits) {
  {
    DiskStore store(options());
    disk_.hold();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(offer(store, PageCase(1, i, kPageBytes)));
    disk_.await_writer();
    disk_.let_go();
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(fs::exists(path(PageCase(1, i, 0)))) << i;
}

TEST_F(Disk, AnEndWaitsNoLongerThanItIsGiven) {
  DiskOptions soon = options();
  soon.finish = 0ms;
  {
    std::jthread later;
    DiskStore store(soon);
    disk_.hold();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(offer(store, PageCase(1, i, kPageBytes)));
    disk_.await_writer();
    later = std::jthread([this] {
      std::this_thread::sleep_for(50ms);
      disk_.let_go();
    });
  }
  EXPECT_TRUE(fs::exists(path(PageCase(1, 0, 0))));  // was being written
  EXPECT_FALSE(fs::exists(path(PageCase(1, 4, 0))));
}

TEST_F(Disk, PagesThatWaitAreFoundAndNoMoreAreTakenThanThereIsRoomFor) {
  DiskOptions narrow = options();
  narrow.queue_bytes = 3 * kPageBytes + 1;
  DiskStore store(narrow);
  disk_.hold();
  const PageCase a(1, 0, kPageBytes), b(1, 1, kPageBytes), c(1, 2, kPageBytes), d(1, 3, kPageBytes);
  for (const auto* page : {&a, &b, &c}) EXPECT_TRUE(offer(store, *page));
  disk_.await_writer();
  EXPECT_FALSE(offer(store, d));
  EXPECT_TRUE(offer(store, b));  // waits already
  for (const auto* page : {&a, &b, &c}) {
    EXPECT_TRUE(store.contains(page->name.key));
    EXPECT_TRUE(finds(store, *page));
  }
  EXPECT_FALSE(store.contains(d.name.key));
  PageCase collides(7, 0, kPageBytes);
  collides.name.key = c.name.key;
  EXPECT_FALSE(finds(store, collides));
  disk_.let_go();
  store.flush();
  EXPECT_TRUE(offer(store, d));
  store.flush();
  EXPECT_EQ(store.status().written, 4);
  for (const auto* page : {&a, &b, &c, &d}) EXPECT_TRUE(finds(store, *page));
}

TEST_F(Disk, APageThatNoRoomCanHoldIsDroppedAndNotAskedForAgain) {
  DiskOptions tiny = options();
  tiny.limit_bytes = kPageBytes - 1;
  DiskStore store(tiny);
  EXPECT_TRUE(offer(store, PageCase(1, 0, kPageBytes)));
  store.flush();
  EXPECT_EQ(store.status().dropped, 1);
  EXPECT_EQ(store.status().written, 0);
}

TEST_F(Disk, TwoStoresSeeWhatEachOtherWritesAndRemoves) {
  DiskStore one(options()), other(options());
  const PageCase page(1, 0, kPageBytes);
  EXPECT_TRUE(offer(one, page));
  one.flush();
  EXPECT_TRUE(other.contains(page.name.key));
  EXPECT_TRUE(finds(other, page));
  EXPECT_TRUE(offer(other, page));
  other.flush();
  EXPECT_EQ(other.status().written, 0);  // it was there
  fs::remove(path(page));
  EXPECT_FALSE(finds(one, page));
  EXPECT_FALSE(one.contains(page.name.key));
  EXPECT_TRUE(offer(other, page));
  other.flush();
  EXPECT_TRUE(finds(one, page));
  EXPECT_EQ(one.status().damaged, 0);
}

TEST_F(Disk, AWrongBitIsAMissOnceAndMakesWayForTheRightOne) {
  DiskStore store(options());
  const PageCase page(1, 0, kPageBytes);
  ASSERT_TRUE(offer(store, page));
  store.flush();
  const int fd = ::open(path(page).c_str(), O_RDWR);
  char byte = 0;
  ASSERT_EQ(::pread(fd, &byte, 1, 5000), 1);
  byte = static_cast<char>(byte ^ 4);
  ASSERT_EQ(::pwrite(fd, &byte, 1, 5000), 1);
  ::close(fd);
  EXPECT_FALSE(finds(store, page));
  EXPECT_EQ(store.status().damaged, 1);
  EXPECT_FALSE(store.contains(page.name.key));
  EXPECT_TRUE(offer(store, page));
  store.flush();
  EXPECT_TRUE(finds(store, page));
}

TEST_F(Disk, AFileOfAnotherPageIsAMiss) {
  DiskStore store(options());
  const PageCase page(1, 0, kPageBytes), other(2, 0, kPageBytes);
  ASSERT_TRUE(offer(store, page));
  store.flush();
  fs::rename(path(page), path(other));
  EXPECT_TRUE(store.contains(other.name.key));
  EXPECT_FALSE(finds(store, other));
  EXPECT_EQ(store.status().damaged, 1);
  EXPECT_FALSE(fs::exists(path(other)));
}

TEST_F(Disk, StaysWithinItsLimit) {
  DiskOptions small = options();
  small.limit_bytes = 10 * kPageBytes;
  DiskStore store(small);
  for (int i = 0; i < 60; ++i) {
    while (!offer(store, PageCase(i, 0, kPageBytes))) store.flush();
    if (i % 7 == 0) store.flush();
  }
  store.flush();
  std::int64_t bytes = 0;
  for (const auto& page : pages_in(model_folder(cache_, {std::byte{1}}))) bytes += page.bytes;
  EXPECT_LE(bytes, small.limit_bytes);
  EXPECT_GT(bytes, small.limit_bytes / 2);
  EXPECT_EQ(store.status().bytes, bytes);
}

TEST_F(Disk, AFullDiskPausesItIsSaidOnceAndTriedAgain) {
  ::testing::internal::CaptureStdout();
  DiskStore store(options());
  store.flush();
  const PageCase page(1, 0, kPageBytes);
  for (int times = 0; times < 2; ++times) {
    const PageCase next(1, 1 + times, kPageBytes);
    disk_.error = ENOSPC;
    while (!offer(store, next)) std::this_thread::sleep_for(1ms);
    store.flush();
    EXPECT_TRUE(store.status().paused);
    EXPECT_FALSE(offer(store, page));
    EXPECT_TRUE(finds(store, next));  // it still waits
    disk_.error = 0;
    while (store.status().written <= times) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(finds(store, next));
  }
  EXPECT_EQ(store.status().dropped, 0);
  const std::string said = ::testing::internal::GetCapturedStdout();
  const auto first = said.find("No space left on device");
  EXPECT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("No space left on device", first + 1), std::string::npos) << said;
}

TEST_F(Disk, AFolderThatCannotBeWrittenIsNoErrorOfTheEngine) {
  fs::create_directory(folder_.path() / "locked");
  const AsNobody nobody(folder_.path());
  DiskOptions locked = options();
  locked.cache = folder_.path() / "locked" / "cache";
  locked.retry = 1h;
  ::testing::internal::CaptureStdout();
  DiskStore store(locked);
  const PageCase page(1, 0, kPageBytes);
  while (!store.status().paused) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(offer(store, page));
  EXPECT_FALSE(store.contains(page.name.key));
  EXPECT_FALSE(finds(store, page));
  EXPECT_NE(::testing::internal::GetCapturedStdout().find("Permission denied"), std::string::npos);
}

TEST_F(Disk, AFilePastTheProcesssLimitEndsNothing) {
  ::testing::internal::CaptureStdout();
  DiskOptions once = options();
  once.retry = 1h;
  DiskStore store(once);
  store.flush();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_TRUE(offer(store, PageCase(1, 0, kPageBytes)));
  store.flush();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_TRUE(store.status().paused);
  EXPECT_FALSE(fs::exists(path(PageCase(1, 0, 0))));
  EXPECT_NE(::testing::internal::GetCapturedStdout().find("File too large"), std::string::npos);
}

TEST_F(Disk, ReadsAndWritesOfManyPagesAtOnceAgree) {
  DiskOptions narrow = options();
  narrow.queue_bytes = 5 * kPageBytes;
  narrow.limit_bytes = 40 * kPageBytes;
  DiskStore store(narrow), other(options());
  std::int64_t found = 0;
  for (int i = 0; i < 300; ++i) {
    const PageCase page(i % 50, 0, kPageBytes);
    (void)offer(i % 3 == 0 ? other : store, page);
    if (store.contains(page.name.key) && finds(store, page)) ++found;
    (void)finds(other, PageCase(i % 13, 0, kPageBytes));
  }
  EXPECT_GT(found, 0);
  store.flush();
  other.flush();
  EXPECT_EQ(store.status().damaged + other.status().damaged, 0);
}

}  // namespace
}  // namespace dsa
