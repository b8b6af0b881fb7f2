#include <cstring>

#include "testing/families.h"

namespace dsa {
namespace {

class CacheWriteTest : public test::PerFamily {};

TEST_P(CacheWriteTest, EveryElementLandsRounded) {
  for (const DType type : {DType::bf16, DType::f32})
    for (const std::int64_t groups : {1, 3})
      for (const std::int64_t index_dim : {0, 9}) {
        const KvLayout layout{
            .type = type, .groups = groups, .rank = 17, .rope_dim = 6, .index_dim = index_dim};
        constexpr std::int64_t kCtx = 130;
        test::TestCache cache(layout, 2, kCtx);
        const std::vector<std::byte> untouched = cache.bytes();
        // Positions at the edges of pages, two sequences mixed, in no order.
        const std::vector<std::pair<std::int64_t, std::int64_t>> where{{0, 0},   {1, 63}, {0, 64}, {1, 0},
                                                                       {0, 129}, {1, 64}, {0, 63}};
        const auto n = static_cast<std::int64_t>(where.size());
        test::Padded<3> c({n, groups, 17});
        test::Padded<3> k_pe({n, groups, 6});
        test::Padded<2> key({n, index_dim});
        c.fill(1);
        k_pe.fill(2);
        key.fill(3);
        c.view()(2, 0, 5) = test::kNaN;
        c.view()(3, 0, 5) = test::kInf;
        c.view()(4, 0, 5) = 1.00390625F;  // 1 + 2^-8: half way between two bf16, ties to even
        std::vector<KvRow> rows;
        for (const auto& [sequence, position] : where) rows.push_back(cache.row(sequence, position + 1));
        Exec exec(2);
        kernels().cache_write(exec, {.c = c.view(),
                                     .k_pe = k_pe.view(),
                                     .key = index_dim > 0 ? TensorView<const float, 2>(key.view())
                                                          : TensorView<const float, 2>(),
                                     .kv = cache.view(),
                                     .rows = rows});
        const auto stored = [&](float v) { return type == DType::f32 ? v : static_cast<float>(bf16(v)); };
        const auto expect_same = [](float actual, float expected) {
          EXPECT_TRUE(test::same_bits({&actual, 1}, {&expected, 1}));
        };
        for (std::int64_t t = 0; t < n; ++t) {
          const auto [sequence, position] = where[t];
          for (std::int64_t g = 0; g < groups; ++g) {
            for (std::int64_t i = 0; i < 17; ++i)
              expect_same(cache.entry(sequence, position, g * 23 + i), stored(c.view()(t, g, i)));
            for (std::int64_t i = 0; i < 6; ++i)
              expect_same(cache.entry(sequence, position, g * 23 + 17 + i), stored(k_pe.view()(t, g, i)));
          }
          for (std::int64_t i = 0; i < index_dim; ++i)
            expect_same(cache.key(sequence, position, i), stored(key.view()(t, i)));
        }
        // Nothing else was written: as many bytes changed as entries may take.
        std::size_t changed = 0;
        for (std::size_t i = 0; i < untouched.size(); ++i)
          changed += cache.bytes()[i] != untouched[i] ? 1 : 0;
        EXPECT_LE(changed, where.size() * layout.token_bytes());
        EXPECT_TRUE(std::isnan(cache.entry(0, 1, 0)) && std::isnan(cache.entry(1, 62, 0)));
      }
}

TEST_P(CacheWriteTest, NoRows) {
  const KvLayout layout{.type = DType::bf16, .groups = 1, .rank = 4, .rope_dim = 2, .index_dim = 0};
  test::TestCache cache(layout, 1, 1);
  const auto before = cache.bytes();
  test::Padded<3> c({0, 1, 4});
  test::Padded<3> k_pe({0, 1, 2});
  Exec exec(2);
  kernels().cache_write(exec,
                        {.c = c.view(), .k_pe = k_pe.view(), .key = {}, .kv = cache.view(), .rows = {}});
  EXPECT_EQ(before, cache.bytes());
}

DSA_FOR_EACH_FAMILY(CacheWriteTest);

}  // namespace
}  // namespace dsa
