#include "kernels/registry.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace dsa {
namespace {

/// Sets DSA_KERNELS for one test.
class Forced {
 public:
  explicit Forced(const std::string& value) { setenv("DSA_KERNELS", value.c_str(), 1); }
  ~Forced() { unsetenv("DSA_KERNELS"); }
  Forced(const Forced&) = delete;
  Forced& operator=(const Forced&) = delete;
};

std::string error_of(const std::string& forced) {
  const Forced env(forced);
  try {
    choose_kernels();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Registry, RefAlwaysRunsAndComesLast) {
  ASSERT_FALSE(runnable().empty());
  EXPECT_EQ(runnable().back(), &kRefKernels);
  EXPECT_EQ(all_kernels().back(), &kRefKernels);
  EXPECT_EQ(kRefKernels.refuse(), std::nullopt);
}

TEST(Registry, TheBestRunnableIsTheDefault) {
  unsetenv("DSA_KERNELS");
  EXPECT_EQ(&choose_kernels(), runnable().front());
  const Forced env("");
  EXPECT_EQ(&choose_kernels(), runnable().front());
}

TEST(Registry, AForcedFamilyIsTheOneThatRuns) {
  for (const KernelTable* table : runnable()) {
    const Forced env{std::string(table->name)};
    EXPECT_EQ(choose_kernels().name, table->name);
    EXPECT_EQ(&choose_kernels(), table);
    EXPECT_EQ(&kernels_named(table->name), table);
  }
}

TEST(Registry, AFamilyThatCannotRunSaysWhy) {
  for (const KernelTable* table : all_kernels()) {
    const auto reason = table->refuse();
    if (!reason) continue;
    const std::string message = error_of(std::string(table->name));
    EXPECT_NE(message.find(*reason), std::string::npos) << message;
    EXPECT_NE(message.find("ref"), std::string::npos) << message;
  }
}

TEST(Registry, AnUnknownFamilyListsWhatCanRun) {
  for (const std::string name : {"avx1024", "REF", "ref ", "\x1b[31m"}) {
    const std::string message = error_of(name);
    ASSERT_NE(message, "") << name;
    EXPECT_NE(message.find("DSA_KERNELS"), std::string::npos) << message;
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
    for (const KernelTable* table : runnable())
      EXPECT_NE(message.find(table->name), std::string::npos) << message;
  }
}

TEST(Registry, EveryRunnableTableIsComplete) {
  for (const KernelTable* table : runnable()) {
    SCOPED_TRACE(table->name);
    for_each_op([&](std::string_view op, auto member) { EXPECT_NE(table->*member, nullptr) << op; });
    EXPECT_TRUE(table->packed_bytes && table->pack);
  }
}

}  // namespace
}  // namespace dsa
