// What stands where a file is to be written: links, devices, other writers, what a killed one left.
#include "base/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(AtomicFile, ASymbolicLinkIsFollowedAndStays) {
  const TempFolder folder;
  fs::create_directory(folder.path() / "real");
  const fs::path target = folder.write("real/file", "old");
  fs::create_symlink("real/file", folder.path() / "near");
  fs::create_symlink(folder.path() / "near", folder.path() / "far");
  write_file(folder.path() / "far", "new");
  EXPECT_EQ(text_of(target), "new");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "far"));
  EXPECT_TRUE(fs::is_symlink(folder.path() / "near"));
  EXPECT_FALSE(fs::is_symlink(target));
}

TEST(AtomicFile, ALinkToNothingYetMakesItsTarget) {
  const TempFolder folder;
  fs::create_symlink("later", folder.path() / "link");
  write_file(folder.path() / "link", "text");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(text_of(folder.path() / "later"), "text");
}

TEST(AtomicFile, LinksThatGoInCirclesAreRefused) {
  const TempFolder folder;
  fs::create_symlink("b", folder.path() / "a");
  fs::create_symlink("a", folder.path() / "b");
  expect_error([&] { write_file(folder.path() / "a", "x"); }, {"/a", "symbolic links"});
}

TEST(AtomicFile, AFileThatIsReplacedHandsDownItsMode) {
  const TempFolder folder;
  const fs::path path = folder.write("file", "old");
  ::chmod(path.c_str(), 0640);
  write_file(path, "new");
  EXPECT_EQ(text_of(path), "new");
  EXPECT_EQ(static_cast<int>(fs::status(path).permissions()), 0640);
}

TEST(AtomicFile, AFifoIsWrittenStraightTo) {
  const TempFolder folder;
  const fs::path fifo = folder.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string text(200'000, 'x');  // more than a pipe holds
  std::string got;
  std::thread reader([&] { got = text_of(fifo); });
  write_file(fifo, text);
  if (!fs::is_fifo(fifo)) std::ofstream(fifo).close();
  reader.join();
  EXPECT_TRUE(fs::is_fifo(fifo));
  EXPECT_TRUE(got == text) << got.size();
}

TEST(AtomicFile, ADeviceIsWrittenStraightTo) {
  const TempFolder folder;
  const fs::path node = folder.path() / "null";
  if (::mknod(node.c_str(), S_IFCHR | 0600, (1 << 8) | 3) != 0) GTEST_SKIP() << "no right to make a device";
  write_file(node, "text");
  EXPECT_TRUE(fs::is_character_file(node));
}

TEST(AtomicFile, AFolderIsRefused) {
  const TempFolder folder;
  expect_error([&] { write_file(folder.path(), "x"); }, {"is a folder, expected a file"});
}

// What stdout is open on cannot be replaced behind the shell's back.
TEST(AtomicFile, StandardOutputIsWrittenStraightTo) {
  const TempFolder folder;
  const fs::path path = folder.path() / "out";
  std::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO), file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ::dup2(file, STDOUT_FILENO);
  const auto inode = [&] {
    struct stat found {};
    ::stat(path.c_str(), &found);
    return found.st_ino;
  };
  const auto before = inode();
  fs::create_symlink("/proc/self/fd/1", folder.path() / "stdout");  // as /dev/stdout is
  write_file("-", "one ");
  write_file(folder.path() / "stdout", "two ");
  write_file(path, "three");
  ::dup2(kept, STDOUT_FILENO);
  ::close(kept);
  ::close(file);
  EXPECT_EQ(inode(), before);
  EXPECT_EQ(text_of(path), "one two three");
}

TEST(AtomicFile, TwoWritersOfOneProcessDoNotMeet) {
  const TempFolder folder;
  const fs::path path = folder.path() / "file";
  AtomicFile first(path), second(path);
  first.write(bytes_of("first"));
  second.write(bytes_of("second"));
  second.commit();
  EXPECT_EQ(text_of(path), "second");
  first.commit();
  EXPECT_EQ(text_of(path), "first");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, ManyThreadsLeaveOneWholeFile) {
  const TempFolder folder;
  const fs::path path = folder.path() / "file";
  std::vector<std::thread> threads;
  for (char c = 'a'; c < 'i'; ++c)
    threads.emplace_back([&path, c] {
      for (int i = 0; i < 50; ++i) write_file(path, std::string(5000, c));
    });
  for (auto& thread : threads) thread.join();
  const std::string text = text_of(path);
  EXPECT_EQ(text, std::string(5000, text.at(0)));
  EXPECT_EQ(files_in(folder.path()), 1U);
}

// Ended in the middle of its work: `write` and nothing after it.
void killed_writer(const fs::path& path, std::string_view text) {
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(path);
    file.write(bytes_of(text));
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
}

TEST(AtomicFile, WhatAKilledWriterLeftIsUsedAgain) {
  const TempFolder folder;
  const fs::path path = folder.path() / "file";
  for (int i = 0; i < 3; ++i) killed_writer(path, "a long text that nobody finished");
  EXPECT_EQ(files_in(folder.path()), 1U);
  write_file(path, "short");
  EXPECT_EQ(text_of(path), "short");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, ANameAsLongAsTheFileSystemAllowsIsWritten) {
  const TempFolder folder;
  const fs::path path = folder.path() / std::string(255, 'n');
  write_file(path, "x");
  EXPECT_EQ(text_of(path), "x");
}

TEST(AtomicFile, WithoutCommitNothingIsLeft) {
  const TempFolder folder;
  { AtomicFile(folder.path() / "file").write(bytes_of("x")); }
  EXPECT_EQ(files_in(folder.path()), 0U);
}

}  // namespace
}  // namespace dsa
