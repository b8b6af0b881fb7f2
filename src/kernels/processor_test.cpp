// The rule that chooses a family, on processors that are only described.
#include "kernels/processor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/registry.h"

namespace dsa {
namespace {

struct Described {
  const char* what;
  Processor processor;
  const char* chosen;
};

Processor with(std::string vendor, int family, int model, int features, std::string denied = "") {
  return {.vendor = std::move(vendor),
          .family = family,
          .model = model,
          .avx2 = features >= 1,
          .avx512 = features >= 2,
          .avx512_bf16 = features >= 3,
          .amx = features >= 4,
          .amx_denied = std::move(denied)};
}

std::string_view chosen_on(const Processor& processor) {
  const FamilyOrder order = family_order(processor);
  return *std::ranges::find_if(order.names, [&](std::string_view name) { return !refusal(processor, name); });
}

TEST(FamilyRule, ChoosesByVendorModelAndFeatures) {
  const Described cases[] = {
      {"no vectors", with("GenuineIntel", 6, 0x17, 0), "ref"},
      {"Haswell", with("GenuineIntel", 6, 0x3C, 1), "avx2"},
      {"Zen 3", with("AuthenticAMD", 0x19, 0x01, 1), "avx2"},
      {"Ice Lake", with("GenuineIntel", 6, 0x6A, 2), "avx512"},
      {"Zen 4", with("AuthenticAMD", 0x19, 0x11, 3), "avx512_bf16"},
      {"Zen 5", with("AuthenticAMD", 0x1A, 0x02, 3), "avx512_bf16"},
      {"AMD of that model number", with("AuthenticAMD", 6, 0x8F, 3), "avx512_bf16"},
      {"Sapphire Rapids", with("GenuineIntel", 6, 0x8F, 4), "amx"},
      {"Sapphire Rapids, tiles denied", with("GenuineIntel", 6, 0x8F, 4, "denied"), "avx512"},
      {"Sapphire Rapids, tiles hidden by its host", with("GenuineIntel", 6, 0x8F, 3), "avx512"},
      {"Emerald Rapids, tiles denied", with("GenuineIntel", 6, 0xCF, 4, "denied"), "avx512"},
      {"Granite Rapids, tiles denied", with("GenuineIntel", 6, 0xAD, 4, "denied"), "avx512"},
      {"an Intel to come", with("GenuineIntel", 19, 0x01, 4), "amx"},
      {"an Intel to come, tiles denied", with("GenuineIntel", 19, 0x01, 4, "denied"), "avx512_bf16"},
  };
  for (const auto& [what, processor, chosen] : cases) EXPECT_EQ(chosen_on(processor), chosen) << what;
}

TEST(FamilyRule, EveryFamilyHasItsPlaceAndTheOrderItsReason) {
  for (const Processor& processor : {with("GenuineIntel", 6, 0x8F, 4), with("AuthenticAMD", 0x19, 0x11, 3)}) {
    const FamilyOrder order = family_order(processor);
    EXPECT_FALSE(order.reason.empty());
    EXPECT_EQ(order.names.back(), "ref");
    for (const KernelTable* table : all_kernels())
      EXPECT_EQ(std::ranges::count(order.names, table->name), 1) << table->name;
  }
}

TEST(FamilyRule, WhatTheSystemDeniesIsSaid) {
  EXPECT_EQ(refusal(with("GenuineIntel", 6, 0x8F, 4, "the system lends none"), "amx"),
            "the system lends none");
  EXPECT_EQ(refusal(with("GenuineIntel", 6, 0x8F, 4), "amx"), std::nullopt);
  EXPECT_NE(refusal(with("GenuineIntel", 6, 0x8F, 3), "amx"), std::nullopt);
  EXPECT_EQ(refusal(with("AuthenticAMD", 0x19, 0x11, 3), "amx-emulated"), std::nullopt);
}

TEST(FamilyRule, ThisProcessorRunsWhatTheRuleSays) {
  for (const KernelTable* table : all_kernels())
    EXPECT_EQ(table->refuse(), refusal(this_processor(), table->name)) << table->name;
}

}  // namespace
}  // namespace dsa
