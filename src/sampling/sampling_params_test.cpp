#include "sampling/sampling_params.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "base/error.h"
#include "testing/cases.h"

namespace dsa {
namespace {

constexpr std::int64_t kVocab = 100;
using test::kInf;
using test::kNaN;

std::string error_of(const SamplingParams& params) {
  try {
    params.validate(kVocab);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(SamplingParams, DefaultsAndExtremesAreValid) {
  EXPECT_EQ(error_of({}), "");
  SamplingParams p;
  p.temperature = 1e-45;
  p.top_k = std::numeric_limits<std::int32_t>::max();  // more than the vocabulary: keeps all
  p.top_p = 0;
  p.min_p = 1;
  p.repetition_penalty = 0.01;
  p.presence_penalty = -2;
  p.frequency_penalty = 2;
  p.seed = std::numeric_limits<std::uint64_t>::max();
  p.logit_bias = {{0, 100}, {99, -kInf}};
  EXPECT_EQ(error_of(p), "");
}

// docs/hostile-inputs.md H89 to H91.
TEST(SamplingParams, HostileValuesAreRefusedByName) {
  struct Case {
    const char* field;
    std::function<void(SamplingParams&, double)> set;
    std::vector<double> bad;
  };
  const std::vector<Case> cases{
      {"temperature", [](auto& p, double v) { p.temperature = v; }, {kNaN, kInf, -kInf, -1, -1e-45, 1e38}},
      {"top_p", [](auto& p, double v) { p.top_p = v; }, {kNaN, kInf, -1, 2, 1.0000001}},
      {"min_p", [](auto& p, double v) { p.min_p = v; }, {kNaN, kInf, -0.1, 1.1}},
      {"repetition_penalty",
       [](auto& p, double v) { p.repetition_penalty = v; },
       {kNaN, kInf, 0, -1, 1e38, -1e38}},
      {"presence_penalty", [](auto& p, double v) { p.presence_penalty = v; }, {kNaN, kInf, 1e38, -1e38, 2.1}},
      {"frequency_penalty",
       [](auto& p, double v) { p.frequency_penalty = v; },
       {kNaN, -kInf, 1e38, -1e38, -2.1}},
      {"top_k", [](auto& p, double v) { p.top_k = static_cast<std::int64_t>(v); }, {-1, -1e18, 9e18}},
      {"logit_bias",
       [](auto& p, double v) {
         p.logit_bias = {{5, v}};
       },
       {kNaN, kInf, 101, -101, 1e38}},
      {"logit_bias",
       [](auto& p, double v) {
         p.logit_bias = {{static_cast<std::int32_t>(v), 1}};
       },
       {-1, kVocab, -2147483648.0, 2147483647.0}},
  };
  for (const Case& c : cases)
    for (const double value : c.bad) {
      SamplingParams p;
      c.set(p, value);
      const std::string error = error_of(p);
      EXPECT_NE(error.find(std::string("sampling: ") + c.field), std::string::npos)
          << c.field << " = " << value << ": " << error;
      EXPECT_NE(error.find("expected"), std::string::npos) << error;
    }
  SamplingParams twice;
  twice.logit_bias = {{5, 1}, {6, 1}, {5, 1}};
  EXPECT_EQ(error_of(twice), "sampling: logit_bias names token 5 more than once, expected each token once");
}

TEST(SamplingParams, TheTableReadsEveryNumber) {
  SamplingParams p;
  p.temperature = 2;
  p.top_k = 3;
  p.top_p = 0.4;
  p.min_p = 0.5;
  p.repetition_penalty = 6;
  p.presence_penalty = 1.7;
  p.frequency_penalty = 1.8;
  const std::vector<double> want{2, 3, 0.4, 0.5, 6, 1.7, 1.8};
  ASSERT_EQ(sampling_ranges().size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_EQ(sampling_ranges()[i].get(p), want[i]);
}

}  // namespace
}  // namespace dsa
