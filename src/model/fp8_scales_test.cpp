// FP8 weights whose block scales are published in any type, beside twins that say the same otherwise.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "base/draws.h"
#include "base/error.h"
#include "kernels/dequantize.h"
#include "testing/model_logits.h"
#include "testing/model_plan.h"

namespace dsa {
namespace {

constexpr std::array<std::int32_t, 5> kPrompt{3, 1, 4, 1, 5};

// Blocks of 128 x 128 that end inside the matrices.
ModelConfig config() {
  ModelConfig c;
  c.architecture = Architecture::qwen3;
  c.model_type = "qwen3";
  c.vocab_size = 31;
  c.hidden_size = 192;
  c.intermediate_size = 320;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 4;
  c.num_key_value_heads = 2;
  c.head_dim = 48;
  c.qk_norm = true;
  c.max_position_embeddings = 64;
  return c;
}

// Powers of two, which every type holds, or not.
float draw_scale(Draws& draws, DType type) {
  const auto exponent = -9 + static_cast<int>(draws.below(4));
  if (type == DType::f8_e8m0) return std::ldexp(1.0F, exponent);
  const auto exact = static_cast<float>(std::ldexp(1 + draws.unit(), exponent));
  if (type == DType::bf16) return static_cast<float>(bf16(exact));
  if (type == DType::f16) return f16_to_float(float_to_f16(exact));
  return exact;
}

void put(DType type, std::span<std::byte> to, std::size_t i, float scale) {
  const auto copy = [&](auto value) { std::memcpy(to.data() + i * sizeof value, &value, sizeof value); };
  if (type == DType::f32) copy(scale);
  if (type == DType::bf16) copy(bf16(scale));
  if (type == DType::f16) copy(float_to_f16(scale));
  if (type == DType::f8_e8m0) copy(static_cast<std::uint8_t>(std::ilogb(scale) + 127));
}

// The model with new scales in `type`, with the same in F32, and dequantised.
struct Twins {
  ModelFiles scaled, in_f32, dequantised;
};

Twins draw_twins(DType type) {
  const auto draw = [] {
    return ModelFiles{
        .path = "drawn", .config = config(), .tensors = test::draw_model(config(), DType::f8_e4m3, 7)};
  };
  Twins twins{.scaled = draw(), .in_f32 = draw(), .dequantised = draw()};
  const auto of = [](ModelFiles& files) -> MemoryTensors& {
    return dynamic_cast<MemoryTensors&>(*files.tensors);
  };
  Draws draws(11, 0);
  for (const auto& tensor : test::plan_model(config())) {
    const StoredTensor* old = twins.in_f32.tensors->find(tensor.name + "_scale_inv");
    if (old == nullptr) continue;
    const auto shape = old->shape;
    const auto scaled = of(twins.scaled).add(tensor.name + "_scale_inv", type, shape);
    const auto in_f32 = of(twins.in_f32).add<float>(tensor.name + "_scale_inv", DType::f32, shape);
    for (std::size_t i = 0; i < in_f32.size(); ++i) {
      in_f32[i] = draw_scale(draws, type);
      put(type, scaled, i, in_f32[i]);
    }
    const StoredTensor weight = *twins.in_f32.tensors->find(tensor.name);
    const auto values = of(twins.dequantised).add<float>(tensor.name, DType::f32, weight.shape);
    const auto cols = usize(weight.shape[1]);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = e4m3_to_float(std::to_integer<std::uint8_t>(weight.bytes[i])) *
                  in_f32[i / cols / 128 * usize(shape[1]) + i % cols / 128];
  }
  return twins;
}

TEST(Fp8Scales, EveryPublishedTypeMultipliesAsItsTwins) {
  Exec exec(2);
  for (const DType type : {DType::f32, DType::bf16, DType::f16, DType::f8_e8m0}) {
    SCOPED_TRACE(name(type));
    const Twins twins = draw_twins(type);
    for (const Compute compute : {Compute::f32, Compute::automatic, Compute::demo})
      EXPECT_EQ(test::logits_of(twins.scaled, exec, compute, kPrompt),
                test::logits_of(twins.in_f32, exec, compute, kPrompt));
    const auto got = test::logits_of(twins.scaled, exec, Compute::f32, kPrompt),
               expected = test::logits_of(twins.dequantised, exec, Compute::f32, kPrompt);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-4) << i;
  }
}

TEST(Fp8Scales, OtherTypesAreRefusedByName) {
  ModelFiles files{
      .path = "drawn", .config = config(), .tensors = test::draw_model(config(), DType::f8_e4m3, 7)};
  dynamic_cast<MemoryTensors&>(*files.tensors)
      .add("model.layers.0.mlp.up_proj.weight_scale_inv", DType::f8_e5m2, {3, 2});
  Exec exec(1);
  try {
    (void)test::logits_of(files, exec, Compute::f32, kPrompt);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("F8_E5M2, expected F32, BF16, F16 or F8_E8M0"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace dsa
