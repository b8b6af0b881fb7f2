#include "base/present.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

TEST(Present, AbsenceIsNoError) {
  const TempFolder folder;
  const fs::path file = folder.write("file", "x");
  EXPECT_TRUE(present(file));
  EXPECT_TRUE(present(folder.path()));
  EXPECT_FALSE(present(folder.path() / "none"));
  EXPECT_FALSE(present(folder.path() / "no" / "such"));
  EXPECT_FALSE(present(file / "below_a_file"));
}

TEST(Present, ALinkToNothingIsNotAbsence) {
  const TempFolder folder;
  fs::create_symlink("blobs/deleted", folder.path() / "link");
  expect_error([&] { present(folder.path() / "link"); }, {"/link", "blobs/deleted", "not there"});
}

TEST(Present, WhatMayNotBeLookedAtIsNotAbsence) {
  const TempFolder folder;
  fs::create_directory(folder.path() / "closed");
  const fs::path file = folder.write("closed/file", "x");
  fs::permissions(folder.path() / "closed", fs::perms::none);
  {
    const AsNobody nobody(folder.path());
    expect_error([&] { present(file); }, {"closed/file", "cannot be looked at", "Permission denied"});
  }
  fs::permissions(folder.path() / "closed", fs::perms::owner_all);
}

TEST(LfsPointer, IsSaidToBeOneWhereJsonIsExpected) {
  expect_error(
      [] { parse_json("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "t.json"); },
      {"t.json: is a Git LFS pointer", "git lfs pull"});
}

}  // namespace
}  // namespace dsa
