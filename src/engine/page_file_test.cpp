#include "engine/page_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "testing/page_case.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;
using test::kPageBytes;
using test::PageCase;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// Found only with the very bytes.
PageRead read(FileCalls& calls, const fs::path& path, const PageCase& page) {
  std::vector<std::byte> bytes(page.bytes.size());
  const PageRead read = read_page(calls, path, page.name, bytes);
  if (read == PageRead::found) {
    EXPECT_EQ(bytes, page.bytes);
  }
  return read;
}
PageRead read(const fs::path& path, const PageCase& page) { return read(file_calls(), path, page); }

class PageFile : public ::testing::Test {
 protected:
  void save() const { ASSERT_EQ(save_page(file_calls(), path_, page_.name, page_.bytes), std::error_code()); }

  const TempFolder folder_;
  const fs::path path_ = folder_.path() / "page";
  const PageCase page_{1, 3, kPageBytes};
};

TEST_F(PageFile, WhatIsSavedIsFoundAndNothingElseIsLeft) {
  EXPECT_EQ(read(path_, page_), PageRead::missing);
  save();
  EXPECT_EQ(read(path_, page_), PageRead::found);
  EXPECT_EQ(verify_page(file_calls(), path_, page_.name.key), PageRead::found);
  EXPECT_EQ(files_in(folder_.path()), 1U);
  EXPECT_EQ(fs::file_size(path_), kPageHeaderBytes + kPageBytes);
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  PageLabel label;
  EXPECT_EQ(read_label(file_calls(), path_, label), PageRead::found);
  EXPECT_EQ(label.key, page_.name.key);
  EXPECT_EQ(label.before, page_.name.before);
  EXPECT_EQ(label.index, 3);
}

TEST_F(PageFile, APageOfNoBytesIsAPage) {
  const PageCase empty(1, 0, 0);
  ASSERT_EQ(save_page(file_calls(), path_, empty.name, empty.bytes), std::error_code());
  EXPECT_EQ(read(path_, empty), PageRead::found);
}

TEST_F(PageFile, AnotherPageIsForeignWhateverItsFileIsCalled) {
  save();
  EXPECT_EQ(read(path_, PageCase(1, 4, kPageBytes)), PageRead::foreign);
  EXPECT_EQ(read(path_, PageCase(1, 3, kPageBytes + 1)), PageRead::foreign);
  EXPECT_EQ(verify_page(file_calls(), path_, PageCase(1, 4, 0).name.key), PageRead::foreign);
  // Two texts of one key: as if SHA-256 had collided.
  PageCase collides(1, 4, kPageBytes);
  collides.name.key = page_.name.key;
  collides.name.before = page_.name.before;
  collides.name.index = page_.name.index;
  EXPECT_EQ(read(path_, collides), PageRead::foreign);
}

TEST_F(PageFile, NoFlippedBitIsEverFound) {
  save();
  const std::string good = text_of(path_);
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t at, int byte) {
    file.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(byte)).flush();
  };
  for (std::size_t at = 0; at < good.size(); at += at < kPageHeaderBytes ? 1 : 97) {
    put(at, good[at] ^ (1 << at % 8));
    const PageRead outcome = read(path_, page_);
    ASSERT_TRUE(outcome == PageRead::damaged || outcome == PageRead::foreign) << at;
    ASSERT_NE(verify_page(file_calls(), path_, page_.name.key), PageRead::found) << at;
    put(at, good[at]);
  }
  EXPECT_EQ(read(path_, page_), PageRead::found);
}

TEST_F(PageFile, NoFileOfAnotherLengthIsEverFound) {
  save();
  const std::string good = text_of(path_);
  for (std::size_t size = good.size(); size > 0; size -= size < 2 * kPageHeaderBytes ? 1 : 37) {
    fs::resize_file(path_, size - 1);
    ASSERT_EQ(read(path_, page_), PageRead::damaged) << size - 1;
    ASSERT_EQ(verify_page(file_calls(), path_, page_.name.key), PageRead::damaged) << size - 1;
  }
  folder_.write("page", good + "x");
  EXPECT_EQ(read(path_, page_), PageRead::damaged);
}

TEST_F(PageFile, WhatIsNoRegularFileIsForeignAndDoesNotHang) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(read(path_, page_), PageRead::foreign);
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_EQ(read(path_, page_), PageRead::foreign);
  fs::remove(path_);
  save();
  fs::create_symlink("page", folder_.path() / "link");
  EXPECT_EQ(read(folder_.path() / "link", page_), PageRead::foreign);
}

TEST_F(PageFile, AFileThatMayNotBeReadIsNoMissingOne) {
  save();
  fs::permissions(path_, fs::perms::none);
  const AsNobody nobody(folder_.path());
  EXPECT_EQ(read(path_, page_), PageRead::failed);
}

// Lets call number `at` go wrong.
class BadCalls final : public FileCalls {
 public:
  enum class Way : std::uint8_t { error, interrupted, one_byte, stop };
  BadCalls(int at, Way way, int error = EIO)
      : at_(at), way_(way), error_(way == Way::interrupted ? EINTR : error) {}

  [[nodiscard]] bool went_wrong() const { return count_ > at_; }

  int open(const char* path, int flags, mode_t mode) override {
    return goes_wrong() ? -1 : FileCalls::open(path, flags, mode);
  }
  int fstat(int fd, struct stat& to) override { return goes_wrong() ? -1 : FileCalls::fstat(fd, to); }
  ssize_t read(int fd, void* to, std::size_t bytes) override {
    const bool wrong = goes_wrong();
    if (wrong && way_ == Way::one_byte) return FileCalls::read(fd, to, 1);
    return wrong ? -1 : FileCalls::read(fd, to, bytes);
  }
  ssize_t write(int fd, const void* from, std::size_t bytes) override {
    const bool wrong = goes_wrong();
    // A disk that fills up, a process that is killed: part of it is there already.
    if (wrong && way_ == Way::one_byte) return FileCalls::write(fd, from, 1);
    if (wrong && way_ != Way::interrupted && count_ == at_ + 1) (void)FileCalls::write(fd, from, bytes / 2);
    if (wrong) errno = error_;
    return wrong ? -1 : FileCalls::write(fd, from, bytes);
  }
  int flock(int fd, int operation) override { return goes_wrong() ? -1 : FileCalls::flock(fd, operation); }
  int close(int fd) override {
    const bool wrong = goes_wrong();
    FileCalls::close(fd);  // the kernel does, whatever happens
    if (wrong) errno = error_;
    return wrong ? -1 : 0;
  }
  int rename(const char* from, const char* to) override {
    return goes_wrong() ? -1 : FileCalls::rename(from, to);
  }
  int unlink(const char* path) override { return goes_wrong() ? -1 : FileCalls::unlink(path); }

 private:
  bool goes_wrong() {
    const int now = count_++;
    errno = error_;
    return way_ == Way::stop ? now >= at_ : now == at_;
  }

  int at_;
  Way way_;
  int error_;
  int count_ = 0;
};

// f(calls) for a fault at each of the calls that f makes.
template <class F>
int at_every_call(BadCalls::Way way, int error, const F& f) {
  int at = 0;
  for (;; ++at) {
    BadCalls calls(at, way, error);
    f(calls);
    if (!calls.went_wrong()) return at;
    if (::testing::Test::HasFatalFailure() || at == 1000) break;
  }
  ADD_FAILURE() << "at call " << at;
  return at;
}

TEST_F(PageFile, ASaveThatFailsAtAnyCallLeavesWhatWasThereAndNoOtherFile) {
  for (const int error : {ENOSPC, EIO, EDQUOT, EROFS, EMFILE}) {
    for (const bool was_there : {false, true}) {
      const int calls = at_every_call(BadCalls::Way::error, error, [&](BadCalls& bad) {
        fs::remove(path_);
        if (was_there) save();
        const std::error_code failed = save_page(bad, path_, page_.name, page_.bytes);
        const PageRead outcome = read(path_, page_);
        if (!failed || was_there)
          ASSERT_EQ(outcome, PageRead::found);
        else
          ASSERT_TRUE(outcome == PageRead::missing || outcome == PageRead::found);
        ASSERT_EQ(files_in(folder_.path()), outcome == PageRead::found ? 1U : 0U);
        if (failed) {
          ASSERT_EQ(failed.value(), error);
        }
      });
      EXPECT_GE(calls, 6);  // open, lock, write, write, rename, close
    }
  }
}

TEST_F(PageFile, AStopAtAnyCallOfASaveLeavesTheOldFileTheNewOneOrNone) {
  const PageCase old(2, 0, kPageBytes);
  int finished = 0, kept = 0;
  at_every_call(BadCalls::Way::stop, EIO, [&](BadCalls& bad) {
    fs::remove(path_);
    ASSERT_EQ(save_page(file_calls(), path_, old.name, old.bytes), std::error_code());
    (void)save_page(bad, path_, page_.name, page_.bytes);
    const PageRead now = read(path_, page_), before = read(path_, old);
    ASSERT_TRUE(now == PageRead::found || before == PageRead::found);
    ++(now == PageRead::found ? finished : kept);
    // What the stopped writer left goes away with the next one's start.
    sweep_unfinished(file_calls(), folder_.path());
    ASSERT_EQ(files_in(folder_.path()), 1U);
  });
  EXPECT_GT(finished, 0);
  EXPECT_GE(kept, 5);
}

TEST_F(PageFile, CallsThatAreInterruptedOrDoLittleAreGoneOnWith) {
  for (const auto way : {BadCalls::Way::interrupted, BadCalls::Way::one_byte}) {
    at_every_call(way, EIO, [&](BadCalls& bad) {
      fs::remove(path_);
      const std::error_code failed = save_page(bad, path_, page_.name, page_.bytes);
      if (!failed) {
        ASSERT_EQ(read(path_, page_), PageRead::found);
      }
    });
  }
  // Of the calls that may be interrupted none fails for it.
  for (const int at : {0, 2, 3}) {
    BadCalls interrupted(at, BadCalls::Way::interrupted);
    ASSERT_EQ(save_page(interrupted, path_, page_.name, page_.bytes), std::error_code()) << at;
    BadCalls short_ones(at, BadCalls::Way::one_byte);
    if (at != 0) {
      ASSERT_EQ(save_page(short_ones, path_, page_.name, page_.bytes), std::error_code()) << at;
    }
  }
}

TEST_F(PageFile, AReadThatFailsAtAnyCallIsNoPage) {
  save();
  for (const auto way : {BadCalls::Way::error, BadCalls::Way::stop}) {
    const int calls = at_every_call(way, EIO, [&](BadCalls& bad) {
      const PageRead outcome = read(bad, path_, page_);
      ASSERT_TRUE(outcome == PageRead::failed || outcome == PageRead::found);
    });
    EXPECT_GE(calls, 5);  // open, fstat, read, read, close
  }
  at_every_call(BadCalls::Way::one_byte, EIO, [&](BadCalls& bad) { (void)read(bad, path_, page_); });
  for (const int at : {2, 3}) {
    BadCalls little(at, BadCalls::Way::one_byte);
    EXPECT_EQ(read(little, path_, page_), PageRead::found);
    BadCalls interrupted(at, BadCalls::Way::interrupted);
    EXPECT_EQ(read(interrupted, path_, page_), PageRead::found);
  }
}

TEST_F(PageFile, AnUnfinishedFileWhoseWriterLivesIsNotSwept) {
  const fs::path unfinished = folder_.write(".page.1.1.tmp", "half");
  const int writer = ::open(unfinished.c_str(), O_WRONLY);
  ASSERT_EQ(::flock(writer, LOCK_EX), 0);
  sweep_unfinished(file_calls(), folder_.path());
  EXPECT_TRUE(fs::exists(unfinished));
  ::close(writer);
  sweep_unfinished(file_calls(), folder_.path());
  EXPECT_FALSE(fs::exists(unfinished));
}

// Another process opens the folder just before the file gets its name.
class SweptMeanwhile final : public FileCalls {
 public:
  int rename(const char* from, const char* to) override {
    sweep_unfinished(file_calls(), fs::path(from).parent_path());
    return FileCalls::rename(from, to);
  }
};

TEST_F(PageFile, ASaveIsNotDisturbedByASweep) {
  SweptMeanwhile calls;
  EXPECT_EQ(save_page(calls, path_, page_.name, page_.bytes), std::error_code());
  EXPECT_EQ(read(path_, page_), PageRead::found);
}

TEST_F(PageFile, NamesThatKilledWritersLeftAreGoneRound) {
  save();
  // The next numbers of this process are taken.
  for (int i = 1; i < 60; ++i)
    folder_.write(".page." + std::to_string(::getpid()) + "." + std::to_string(i) + ".tmp", "x");
  save();
  EXPECT_EQ(read(path_, page_), PageRead::found);
}

}  // namespace
}  // namespace dsa
