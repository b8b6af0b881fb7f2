// Tensor sets that do not belong to their config (docs/hostile-inputs.md H16), and damaged weights (H17).
#include "model/weights.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "checkpoint/tensor_source.h"

namespace dsa {
namespace {

// Tensors made on the spot.
class FakeTensors final : public TensorSource {
 public:
  void add(const std::string& name, std::vector<std::int64_t> shape, DType type = DType::f32) {
    std::int64_t elements = 1;
    for (const auto d : shape) elements *= d;
    auto& item = items_[name];
    item.data.assign(*storage_bytes(type, elements) + 1, std::byte{0});
    // One byte in: nothing may rely on alignment.
    item.tensor = {type, std::move(shape), std::span<const std::byte>(item.data).subspan(1),
                   "fake.safetensors", false};
  }
  void remove(const std::string& name) { items_.erase(name); }
  [[nodiscard]] const StoredTensor* find(std::string_view name) const override {
    const auto it = items_.find(std::string(name));
    return it == items_.end() ? nullptr : &it->second.tensor;
  }
  void for_each(const std::function<void(std::string_view, const StoredTensor&)>& visit) const override {
    for (const auto& [name, item] : items_) visit(name, item.tensor);
  }

 private:
  struct Item {
    std::vector<std::byte> data;
    StoredTensor tensor;
  };
  std::map<std::string, Item> items_;
};

ModelConfig tiny_llama() {
  ModelConfig c;
  c.model_type = "llama";
  c.vocab_size = 11;
  c.hidden_size = 32;
  c.intermediate_size = 48;
  c.num_hidden_layers = 1;
  c.num_attention_heads = 4;
  c.num_key_value_heads = 2;
  c.head_dim = 8;
  c.max_position_embeddings = 64;
  return c;
}

FakeTensors tensors_of_tiny_llama() {
  FakeTensors t;
  t.add("model.embed_tokens.weight", {11, 32});
  t.add("lm_head.weight", {11, 32});
  t.add("model.norm.weight", {32});
  const std::string layer = "model.layers.0.";
  t.add(layer + "input_layernorm.weight", {32});
  t.add(layer + "post_attention_layernorm.weight", {32});
  t.add(layer + "self_attn.q_proj.weight", {32, 32});
  t.add(layer + "self_attn.k_proj.weight", {16, 32});
  t.add(layer + "self_attn.v_proj.weight", {16, 32});
  t.add(layer + "self_attn.o_proj.weight", {32, 32});
  t.add(layer + "mlp.gate_proj.weight", {48, 32});
  t.add(layer + "mlp.up_proj.weight", {48, 32});
  t.add(layer + "mlp.down_proj.weight", {32, 48});
  return t;
}

std::string error_of(const ModelConfig& config, const FakeTensors& tensors) {
  Exec exec(1);
  try {
    load_weights(config, tensors, nullptr, kRefKernels, Compute::automatic, exec);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Weights, TheWholeSetLoads) { EXPECT_EQ(error_of(tiny_llama(), tensors_of_tiny_llama()), ""); }

TEST(Weights, ATensorThatIsMissingIsNamed) {
  const auto whole = tensors_of_tiny_llama();
  whole.for_each([&](std::string_view name, const StoredTensor&) {
    auto tensors = tensors_of_tiny_llama();
    tensors.remove(std::string(name));
    const std::string error = error_of(tiny_llama(), tensors);
    EXPECT_NE(error.find(std::string(name)), std::string::npos) << error;
    EXPECT_NE(error.find("missing"), std::string::npos) << error;
  });
}

TEST(Weights, ShapesAreComparedWithTheConfig) {
  auto tensors = tensors_of_tiny_llama();
  tensors.add("model.layers.0.self_attn.k_proj.weight", {32, 16});
  const std::string error = error_of(tiny_llama(), tensors);
  EXPECT_NE(error.find("k_proj.weight has shape [32, 16], expected [16, 32]"), std::string::npos) << error;
  EXPECT_NE(error.find("fake.safetensors"), std::string::npos) << error;
}

TEST(Weights, TypesThatNobodyMultipliesAreRefused) {
  auto tensors = tensors_of_tiny_llama();
  tensors.add("model.layers.0.mlp.up_proj.weight", {48, 32}, DType::i64);
  EXPECT_NE(error_of(tiny_llama(), tensors).find("stored as I64"), std::string::npos);
  tensors = tensors_of_tiny_llama();
  tensors.add("model.norm.weight", {32}, DType::q8_0);
  EXPECT_NE(error_of(tiny_llama(), tensors).find("expected F32, BF16 or F16"), std::string::npos);
}

TEST(Weights, Fp8NeedsItsScales) {
  auto tensors = tensors_of_tiny_llama();
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  tensors.add(name, {48, 32}, DType::f8_e4m3);
  EXPECT_NE(error_of(tiny_llama(), tensors).find(name + "_scale_inv is missing"), std::string::npos);
  tensors.add(name + "_scale_inv", {2, 1});
  EXPECT_NE(error_of(tiny_llama(), tensors).find("expected [1, 1]"), std::string::npos);
  tensors.add(name + "_scale_inv", {1, 1});
  EXPECT_EQ(error_of(tiny_llama(), tensors), "");
}

// Whatever loading refuses, the headers show.
TEST(Weights, TheCheckOfHeadersFindsWhatLoadingFinds) {
  const auto checked = [](const FakeTensors& tensors) -> std::string {
    try {
      check_weights(tiny_llama(), tensors, nullptr);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  const auto whole = tensors_of_tiny_llama();
  EXPECT_EQ(checked(whole), "");
  whole.for_each([&](std::string_view name, const StoredTensor& stored) {
    auto shape = stored.shape;
    for (const DType type : {DType::f32, DType::f8_e4m3, DType::i64, DType::u8}) {
      auto tensors = tensors_of_tiny_llama();
      tensors.add(std::string(name), shape, type);
      EXPECT_EQ(checked(tensors), error_of(tiny_llama(), tensors)) << name;
    }
    auto tensors = tensors_of_tiny_llama();
    tensors.remove(std::string(name));
    EXPECT_EQ(checked(tensors), error_of(tiny_llama(), tensors)) << name;
  });
}

TEST(Weights, FourBitPackingsAreSaidToBeThat) {
  const std::string name = "model.layers.0.mlp.up_proj";
  for (const auto& shape : {std::vector<std::int64_t>{48, 16}, std::vector<std::int64_t>{768, 1}}) {
    auto tensors = tensors_of_tiny_llama();
    tensors.add(name + ".weight", shape, DType::u8);
    EXPECT_NE(error_of(tiny_llama(), tensors).find("4-bit numbers packed into U8"), std::string::npos);
  }
  auto tensors = tensors_of_tiny_llama();
  tensors.remove(name + ".weight");
  tensors.add(name + ".qweight", {4, 48}, DType::i32);
  EXPECT_NE(error_of(tiny_llama(), tensors).find("4-bit numbers packed into I32"), std::string::npos);
}

TEST(Weights, TiedEmbeddingsNeedNoHead) {
  auto config = tiny_llama();
  config.tie_word_embeddings = true;
  auto tensors = tensors_of_tiny_llama();
  tensors.remove("lm_head.weight");
  EXPECT_EQ(error_of(config, tensors), "");
}

}  // namespace
}  // namespace dsa
