// A file that is mapped, and what others do to it meanwhile.
#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

// Past the grain of the file system's times.
void wait_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

TEST(MappedFileChanged, NothingHappened) {
  const TempFolder folder;
  const MappedFile file(folder.write("a", "text"));
  wait_a_moment();
  EXPECT_FALSE(file.changed());
  EXPECT_EQ(MappedFile(file.path()).bytes().size(), 4U);  // reading is no change
  EXPECT_FALSE(file.changed());
}

TEST(MappedFileChanged, WrittenToInPlaceAtTheSameLength) {
  const TempFolder folder;
  const MappedFile file(folder.write("a", "text"));
  wait_a_moment();
  folder.write("a", "TEXT");
  EXPECT_TRUE(file.changed());
}

TEST(MappedFileChanged, ReplacedByRename) {
  const TempFolder folder;
  const MappedFile file(folder.write("a", "text"));
  fs::rename(folder.write("b", "text"), file.path());
  EXPECT_TRUE(file.changed());
}

TEST(MappedFileChanged, RemovedAndMovedAlong) {
  const TempFolder folder;
  MappedFile file(folder.write("a", "text"));
  fs::remove(file.path());
  EXPECT_TRUE(file.changed());
  const MappedFile other = std::move(file);
  EXPECT_TRUE(other.changed());
}

}  // namespace
}  // namespace dsa
