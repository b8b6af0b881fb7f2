#include "cli/catalogue.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "base/error.h"

namespace dsa::cli {
namespace {

class Catalogue : public ::testing::Test {
 protected:
  Catalogue() : home_(std::filesystem::path(::testing::TempDir()) / "dsa_catalogue") {
    std::filesystem::remove_all(home_);
    std::filesystem::create_directories(home_ / "models");
    ::setenv("DSA_HOME", home_.c_str(), 1);
  }
  ~Catalogue() override {
    ::unsetenv("DSA_HOME");
    std::filesystem::remove_all(home_);
  }

  static std::string error_of(std::string_view model) {
    try {
      resolve_model(model);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }

  std::filesystem::path home_;
};

TEST_F(Catalogue, NameIsAFileBelowHome) {
  const auto file = home_ / "models" / catalogue()[0].file;
  std::ofstream(file) << "x";
  EXPECT_EQ(resolve_model("smollm2"), file);
}

TEST_F(Catalogue, AbsentModelSaysHowToGetIt) {
  const std::string error = error_of("smollm2");
  EXPECT_NE(error.find("./run"), std::string::npos) << error;
  EXPECT_NE(error.find("tools/fetch_model"), std::string::npos) << error;
}

TEST_F(Catalogue, ShippedModelNeedsNoHome) {
  EXPECT_TRUE(std::filesystem::exists(resolve_model("tiny-v32") / "config.json"));
}

TEST_F(Catalogue, PathIsTakenAsItIs) { EXPECT_EQ(resolve_model(home_.string()), home_); }

TEST_F(Catalogue, UnknownNameListsTheNames) {
  const std::string error = error_of("no/such\nmodel");
  EXPECT_NE(error.find("smollm2"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << "untrusted text must be escaped";
}

TEST_F(Catalogue, OverlongNameIsAnErrorNotACrash) { EXPECT_NE(error_of(std::string(100'000, 'a')), ""); }

}  // namespace
}  // namespace dsa::cli
