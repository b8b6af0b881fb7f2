#include "checkpoint/indexer_folder.h"

#include <fstream>

#include "base/json.h"
#include "checkpoint/fingerprint.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/indexer_folder_write.h"
#include "checkpoint/memory_tensors.h"
#include "checkpoint/safetensors_write.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path golden(std::string_view name) { return fs::path(DSA_SOURCE_DIR) / "tests/goldens/models" / name; }

// Norm weights of two layers: the numbers of the hash below, in the type asked for.
class Norms {
 public:
  explicit Norms(DType type) {
    const std::vector<std::string> names{
        "model.layers.0.input_layernorm.weight",          "model.layers.0.self_attn.q_norm.weight",
        "model.layers.0.post_attention_layernorm.weight", "model.layers.1.input_layernorm.weight",
        "model.layers.1.post_attention_layernorm.weight", "model.norm.weight"};
    std::vector<std::string> bytes(names.size());
    std::vector<TensorToWrite> tensors;
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (int j = 0; j < 2; ++j)
        append(bytes[i], type, static_cast<float>(i) + 0.5F * static_cast<float>(j));
      tensors.push_back({names[i], type, {2}, std::as_bytes(std::span(bytes[i]))});
    }
    write_safetensors(folder_.path() / "n.safetensors", tensors);
    config_.num_hidden_layers = 2;
  }
  [[nodiscard]] std::string hash() const {
    return fingerprint(*open_safetensors(folder_.path() / "n.safetensors"), config_);
  }
  [[nodiscard]] std::string digest() const {
    return weights_digest(*open_safetensors(folder_.path() / "n.safetensors"));
  }

 private:
  static void append(std::string& out, DType type, float value) {
    const auto bits = type == DType::f32    ? std::bit_cast<std::uint32_t>(value)
                      : type == DType::bf16 ? bf16(value).bits
                                            : float_to_f16(value);
    for (std::size_t i = 0; i < traits(type).block_bytes; ++i)
      out += static_cast<char>(bits >> (8 * i) & 0xFF);
  }
  TempFolder folder_;
  ModelConfig config_;
};

TEST(Fingerprint, IsTheSameForEveryStorageType) {
  // python3 -c 'import hashlib,struct; print(hashlib.sha256(struct.pack("<12f",
  // 0,.5,1,1.5,2,2.5,3,3.5,4,4.5,5,5.5)).hexdigest())'
  const std::string expected = "06d1bf4aae75e801329467c4241c5b8e13ab47963b8cc6c3a9cc08e51184afa5";
  EXPECT_EQ(Norms(DType::f32).hash(), expected);
  EXPECT_EQ(Norms(DType::bf16).hash(), expected);
  EXPECT_EQ(Norms(DType::f16).hash(), expected);
}

TEST(Fingerprint, TellsModelsApart) {
  const auto of = [](std::string_view name) {
    const ModelFiles model = open_model(golden(name));
    return fingerprint(*model.tensors, model.config);
  };
  EXPECT_EQ(of("llama_gqa"), of("llama_gqa"));
  EXPECT_NE(of("llama_gqa"), of("llama_tied"));
  EXPECT_EQ(of("deepseek_v32").size(), 64U);
}

TEST(WeightsDigest, TellsStorageTypesAndChangedWeightsApart) {
  EXPECT_EQ(Norms(DType::f32).digest(), Norms(DType::f32).digest());
  EXPECT_NE(Norms(DType::f32).digest(), Norms(DType::bf16).digest());
  EXPECT_NE(Norms(DType::bf16).digest(), Norms(DType::f16).digest());

  const TempFolder folder;
  const auto changed_at = [&](std::size_t byte) {
    std::vector<std::byte> bytes(std::size_t{16} * 1024);
    if (byte < bytes.size()) bytes[byte] = std::byte{1};
    const TensorToWrite tensor{"w", DType::f32, {64, 64}, bytes};
    write_safetensors(folder.path() / "w.safetensors", {{tensor}});
    return weights_digest(*open_safetensors(folder.path() / "w.safetensors"));
  };
  const std::string unchanged = changed_at(std::size_t{16} * 1024);
  for (const std::size_t byte : {0, 1023, 8192, 16 * 1024 - 1})
    EXPECT_NE(changed_at(byte), unchanged) << byte;
}

// An indexer folder for the golden llama_gqa: 3 layers, hidden size 60.
class Indexer : public testing::Test {
 protected:
  void SetUp() override {
    model_ = open_model(golden("llama_gqa"));
    config_ = {{"model_type", "dsa_indexer"},
               {"format_version", 1},
               {"index_n_heads", 2},
               {"index_head_dim", 8},
               {"index_rope_head_dim", 4},
               {"index_topk", 16},
               {"k_norm_eps", 1e-6},
               {"trained_context", 2048},
               {"base_model",
                {{"architecture", "LlamaForCausalLM"},
                 {"hidden_size", 60},
                 {"num_hidden_layers", 3},
                 {"num_attention_heads", 6},
                 {"num_key_value_heads", 2},
                 {"head_dim", 10},
                 {"vocab_size", 257},
                 {"fingerprint", fingerprint(*model_.tensors, model_.config)}}}};
    write_tensors(3);
  }
  void write_tensors(int layers, DType type = DType::f32) {
    std::vector<TensorToWrite> tensors;
    for (int layer = 0; layer < layers; ++layer)
      for (const auto& [suffix, shape] :
           std::vector<std::pair<std::string, std::vector<std::int64_t>>>{{"wq.weight", {16, 60}},
                                                                          {"wk.weight", {8, 60}},
                                                                          {"weights_proj.weight", {2, 60}},
                                                                          {"k_norm.weight", {8}},
                                                                          {"k_norm.bias", {8}}}) {
        std::size_t bytes = traits(type).block_bytes;
        for (const auto dim : shape) bytes *= static_cast<std::size_t>(dim);
        tensors.push_back({fmt::format("model.layers.{}.self_attn.indexer.{}", layer, suffix), type, shape,
                           std::span(zeros_).first(bytes)});
      }
    write_safetensors(folder_.path() / "indexer.safetensors", tensors);
  }
  IndexerFolder open() {
    folder_.write("config.json", json_text(config_));
    return open_indexer_folder(folder_.path());
  }
  void expect(const std::vector<std::string>& parts) {
    expect_error([&] { open(); }, parts);
  }

  TempFolder folder_;
  ModelFiles model_;
  json config_;
  std::vector<std::byte> zeros_ = std::vector<std::byte>(1 << 14);
};

TEST_F(Indexer, OpensAndFits) {
  const IndexerFolder indexer = open();
  EXPECT_EQ(indexer.config.n_heads, 2);
  EXPECT_EQ(indexer.config.rope_head_dim, 4);
  EXPECT_FALSE(indexer.config.rope_interleave);
  EXPECT_EQ(indexer.config.full, std::vector<bool>(3, true));
  EXPECT_EQ(indexer.config.trained_context, 2048);
  EXPECT_NE(indexer.tensors->find("model.layers.2.self_attn.indexer.wq.weight"), nullptr);
  EXPECT_NO_THROW(check_indexer_fits(indexer, model_, FingerprintCheck::enforce));
}

TEST_F(Indexer, SelectsAsManyTokensInEachLayerAsItSays) {
  config_["index_topk"] = {16, 4, 40};
  const IndexerFolder indexer = open();
  EXPECT_EQ(indexer.config.topk, 20);
  EXPECT_EQ(indexer.config.layer_topk.list(), (std::vector<std::int64_t>{16, 4, 40}));
}

TEST_F(Indexer, InsideItsModelItIsTheModels) {
  const TempFolder model;
  for (const char* file : {"config.json", "model.safetensors"})
    fs::copy_file(golden("llama_gqa") / file, model.path() / file);
  EXPECT_FALSE(open_model(model.path()).config.indexer);
  open();  // writes its config.json
  fs::create_directory(model.path() / kOwnIndexerFolder);
  for (const char* file : {"config.json", "indexer.safetensors"})
    fs::copy_file(folder_.path() / file, model.path() / kOwnIndexerFolder / file);
  const ModelFiles files = open_model(model.path());
  ASSERT_TRUE(files.config.indexer);
  EXPECT_EQ(files.config.indexer->topk, 16);
  EXPECT_EQ(files.config.indexer->trained_context, 2048);
  EXPECT_NE(files.tensors->find("model.layers.2.self_attn.indexer.wq.weight"), nullptr);
  EXPECT_NE(files.tensors->find("model.norm.weight"), nullptr);
  config_["base_model"]["fingerprint"] = std::string(64, 'a');
  std::ofstream(model.path() / kOwnIndexerFolder / "config.json") << json_text(config_);
  expect_error([&] { open_model(model.path()); }, {"fingerprint"});
}

TEST_F(Indexer, AnotherFingerprintNeedsForce) {
  const std::string other(64, 'a');
  config_["base_model"]["fingerprint"] = other;
  const IndexerFolder indexer = open();
  expect_error([&] { check_indexer_fits(indexer, model_, FingerprintCheck::enforce); },
               {folder_.path().string(), "llama_gqa", other, fingerprint(*model_.tensors, model_.config),
                "`force_indexer`"});
  EXPECT_NO_THROW(check_indexer_fits(indexer, model_, FingerprintCheck::skip));
}

TEST_F(Indexer, AnotherShapeIsRefusedEvenWithForce) {
  config_["base_model"]["num_key_value_heads"] = 3;
  const IndexerFolder indexer = open();
  expect_error([&] { check_indexer_fits(indexer, model_, FingerprintCheck::skip); },
               {"num_key_value_heads 3", "has 2"});
  const ModelFiles mla = open_model(golden("deepseek_v32"));
  expect_error([&] { check_indexer_fits(indexer, mla, FingerprintCheck::skip); }, {"latent attention"});
}

TEST_F(Indexer, BadConfigs) {
  const json good = config_;
  const auto bad = [&](const char* patch, const std::vector<std::string>& parts) {
    config_ = good;
    config_.merge_patch(parse_json(patch, "test"));
    expect(parts);
  };
  bad(R"({"model_type":"llama"})", {"config.json", "model_type is \"llama\"", "dsa_indexer"});
  bad(R"({"format_version":2})", {"format_version is 2", "reads 1"});
  bad(R"({"index_n_heads":0})", {"index_n_heads is 0"});
  bad(R"({"index_head_dim":2147483648})", {"index_head_dim"});
  bad(R"({"index_rope_head_dim":3})", {"index_rope_head_dim is 3", "even"});
  bad(R"({"index_rope_head_dim":10})", {"index_rope_head_dim is 10", "2 to 8"});
  bad(R"({"index_topk":0})", {"index_topk is 0"});
  bad(R"({"index_topk":[16,8]})", {"config.json", "index_topk lists 2 numbers", "expected 3"});
  bad(R"({"index_topk":[]})", {"index_topk lists 0 numbers", "expected 3"});
  bad(R"({"index_topk":[16,0,8]})", {"index_topk is 0 for layer 1", "1 to 2147483647"});
  bad(R"({"index_topk":[16,2147483648,8]})", {"index_topk is [16,2147483648,8]", "whole numbers"});
  bad(R"({"index_topk":[16,"8",8]})", {"index_topk is [16,\"8\",8]", "whole numbers"});
  bad(R"({"index_topk":[16,-8,8]})", {"index_topk", "whole numbers"});
  bad(R"({"index_topk":[16,8.5,8]})", {"index_topk", "whole numbers"});
  bad(R"({"index_topk":[[16],8,8]})", {"index_topk", "whole numbers"});
  bad(R"({"index_topk":"16"})", {"index_topk is \"16\"", "whole number"});
  bad(R"({"trained_context":0})", {"trained_context is 0"});
  bad(R"({"trained_context":null})", {"trained_context is missing"});
  bad(R"({"base_model":null})", {"base_model is missing"});
  bad(R"({"base_model":{"fingerprint":"xyz"}})", {"fingerprint is \"xyz\"", "64 hex"});
  bad(R"({"index_n_heads":3})", {"indexer.safetensors", "wq.weight has shape [16, 60]", "[24, 60]"});
  bad(R"({"base_model":{"num_hidden_layers":4}})", {"indexer.safetensors", "model.layers.3", "is missing"});
  bad(R"({"base_model":{"num_hidden_layers":2}})", {"15 tensors, expected 10"});
  bad(R"({"base_model":{"num_hidden_layers":2147483647}})", {"model.layers.3", "is missing"});
}

TEST_F(Indexer, OnlyF32AndBf16) {
  write_tensors(3, DType::bf16);
  EXPECT_NO_THROW(open());
  write_tensors(3, DType::f16);
  expect({"wq.weight is stored as F16", "BF16 or F32"});
}

TEST_F(Indexer, AnotherDivisionIsWrittenAndNothingElse) {
  const IndexerFolder before = open();
  rewrite_index_topk(folder_.path(), {16, 4, 40});
  const IndexerFolder after = open_indexer_folder(folder_.path());
  EXPECT_EQ(after.config.layer_topk.list(), (std::vector<std::int64_t>{16, 4, 40}));
  EXPECT_EQ(after.config.trained_context, before.config.trained_context);
  EXPECT_EQ(after.base_model.fingerprint, before.base_model.fingerprint);
}

TEST(IndexerFolderWrite, ReadsBackAsItWasWritten) {
  const TempFolder folder;
  const ModelFiles model = open_model(golden("llama_gqa"));
  IndexerConfig config{.n_heads = 2,
                       .head_dim = 8,
                       .rope_head_dim = 4,
                       .topk = 20,
                       .layer_topk = LayerTopk({16, 4, 40}),
                       .k_norm_eps = 1e-5,
                       .trained_context = 4096,
                       .full = {}};
  MemoryTensors tensors("made");
  const std::int64_t hidden = model.config.hidden_size;
  for (std::int64_t i = 0; i < model.config.num_hidden_layers; ++i) {
    const std::string at = fmt::format("model.layers.{}.self_attn.indexer.", i);
    tensors.add(at + "wq.weight", DType::bf16, {16, hidden})[7] = std::byte{3};
    tensors.add(at + "wk.weight", DType::bf16, {8, hidden});
    tensors.add(at + "weights_proj.weight", DType::bf16, {2, hidden});
    tensors.add(at + "k_norm.weight", DType::f32, {8});
    tensors.add(at + "k_norm.bias", DType::f32, {8});
  }
  IndexerFolderToWrite indexer{.model = model.config,
                               .fingerprint = fingerprint(*model.tensors, model.config),
                               .config = config,
                               .tensors = {}};
  tensors.for_each([&](std::string_view name, const StoredTensor& t) {
    indexer.tensors.push_back({std::string(name), t.type, t.shape, t.bytes});
  });
  write_indexer_folder(folder.path(), indexer);

  const IndexerFolder read = open_indexer_folder(folder.path());
  EXPECT_EQ(read.config.n_heads, config.n_heads);
  EXPECT_EQ(read.config.head_dim, config.head_dim);
  EXPECT_EQ(read.config.rope_head_dim, config.rope_head_dim);
  EXPECT_EQ(read.config.topk, config.topk);
  EXPECT_EQ(read.config.layer_topk, config.layer_topk);
  EXPECT_EQ(read.config.k_norm_eps, config.k_norm_eps);
  EXPECT_EQ(read.config.trained_context, config.trained_context);
  EXPECT_EQ(read.base_model.architecture, "LlamaForCausalLM");
  EXPECT_EQ(read.tensors->find("model.layers.0.self_attn.indexer.wq.weight")->bytes[7], std::byte{3});
  EXPECT_NO_THROW(check_indexer_fits(read, model, FingerprintCheck::enforce));
}

}  // namespace
}  // namespace dsa
