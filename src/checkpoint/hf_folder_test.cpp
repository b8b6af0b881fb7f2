// Folders of shards, good and hostile: H16 to H19 of docs/hostile-inputs.md.
#include "checkpoint/hf_folder.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "base/mapped_file.h"
#include "checkpoint/open_model.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

const std::string kShardA = safetensors_file(one_tensor("U8", "[4]", "[0,4]", "a"), 4);
const std::string kShardB = safetensors_file(one_tensor("U8", "[4]", "[0,4]", "b"), 4);

std::string index_of(std::string_view map, std::string_view metadata = "{}") {
  return "{\"metadata\":" + std::string(metadata) + ",\"weight_map\":" + std::string(map) + "}";
}

// Two shards and an index over them.
struct Shards {
  TempFolder folder;
  Shards() {
    folder.write("s1.safetensors", kShardA);
    folder.write("s2.safetensors", kShardB);
  }
  void index(std::string_view map, std::string_view metadata = "{}") const {
    folder.write("model.safetensors.index.json", index_of(map, metadata));
  }
  auto open() const { return open_hf_tensors(folder.path()); }
  void expect(const std::vector<std::string>& parts) const {
    expect_error([&] { open(); }, parts);
  }
};

TEST(HfFolder, ShardsAreOneSource) {
  Shards s;
  s.index(R"({"a":"s1.safetensors","b":"s2.safetensors"})", R"({"total_size":8})");
  const auto source = s.open();
  ASSERT_NE(source->find("a"), nullptr);
  ASSERT_NE(source->find("b"), nullptr);
  EXPECT_TRUE(source->find("b")->file.ends_with("s2.safetensors"));
  EXPECT_EQ(source->find("c"), nullptr);
  EXPECT_EQ(source->find(""), nullptr);
  std::string order;
  source->for_each([&](std::string_view name, const StoredTensor&) { order += name; });
  EXPECT_EQ(order, "ab");
}

TEST(HfFolder, AWrongTotalSizeIsNoError) {
  Shards s;
  s.index(R"({"a":"s1.safetensors","b":"s2.safetensors"})", R"({"total_size":-7})");
  EXPECT_NO_THROW(s.open());
}

TEST(HostileFolder, H18_ShardNamesAreNeverPaths) {
  Shards s;
  for (const char* name : {"../s1.safetensors", "/etc/x.safetensors", "sub/s1.safetensors", "..", "",
                           ".hidden.safetensors", "https://example.com/s1.safetensors", "s1.bin",
                           "c:\\\\s1.safetensors", "s1.safetensors\\u0000.safetensors"}) {
    s.index(R"({"a":")" + std::string(name) + R"(","b":"s2.safetensors"})");
    s.expect({"model.safetensors.index.json", "tensor a", "plain name"});
  }
  s.index(R"({"a":7})");
  s.expect({"tensor a", "plain name"});
}

TEST(HostileFolder, H18_MissingShard) {
  Shards s;
  s.index(R"({"a":"s1.safetensors","b":"s3.safetensors"})");
  s.expect({"model.safetensors.index.json", "shard s3.safetensors is missing"});
}

TEST(HostileFolder, H18_TensorInTwoShards) {
  Shards s;
  s.folder.write("s2.safetensors", kShardA);
  s.index(R"({"a":"s1.safetensors","b":"s2.safetensors"})");
  s.expect({"s2.safetensors", "tensor a", "places in s1.safetensors"});
}

TEST(HostileFolder, H18_IndexNamesATensorThatIsNotThere) {
  Shards s;
  s.index(R"({"a":"s1.safetensors","b":"s2.safetensors","c":"s2.safetensors"})");
  s.expect({"s2.safetensors", "tensor c is missing"});
}

TEST(HostileFolder, H18_ShardHoldsATensorThatTheIndexDoesNotName) {
  Shards s;
  s.folder.write("s2.safetensors", safetensors_file(R"({"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                                                    R"("x":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}})",
                                                    5));
  s.index(R"({"a":"s1.safetensors","b":"s2.safetensors"})");
  s.expect({"s2.safetensors", "tensor x", "does not list"});
}

TEST(HostileFolder, H18_TooManyShards) {
  Shards s;
  std::string map = "{";
  for (int i = 0; i < 100'000; ++i)
    map += fmt::format(R"({}"t{}":"s{}.safetensors")", i == 0 ? "" : ",", i, i);
  s.index(map + "}");
  s.expect({"100000 shards", "10000"});
}

TEST(HostileFolder, H18_BadIndex) {
  Shards s;
  for (const char* text : {"[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{}})", "", "{"}) {
    s.folder.write("model.safetensors.index.json", text);
    s.expect({"model.safetensors.index.json: "});
  }
}

TEST(HostileFolder, PickleIsRefused) {
  TempFolder folder;
  folder.write("pytorch_model.bin", "PK");
  expect_error([&] { open_hf_tensors(folder.path()); }, {"pytorch_model.bin", "pickle", "safetensors"});
}

TEST(HostileFolder, NoWeights) {
  TempFolder folder;
  expect_error([&] { open_hf_tensors(folder.path()); },
               {folder.path().string(), "neither model.safetensors nor"});
}

TEST(HostileFolder, H19_NotARegularFile) {
  TempFolder folder;
  const auto weights = folder.path() / "model.safetensors";
  fs::create_directory(weights);
  expect_error([&] { open_hf_tensors(folder.path()); }, {"model.safetensors", "directory"});
  fs::remove(weights);
  ASSERT_EQ(::mkfifo(weights.c_str(), 0600), 0);
  expect_error([&] { open_hf_tensors(folder.path()); }, {"model.safetensors", "FIFO"});
  fs::remove(weights);
  fs::create_symlink("/dev/zero", weights);
  expect_error([&] { open_hf_tensors(folder.path()); }, {"model.safetensors", "device"});
  fs::remove(weights);
  fs::create_symlink(folder.write("elsewhere", kShardA), weights);  // as in the Hugging Face cache
  EXPECT_NO_THROW(open_hf_tensors(folder.path()));
}

TEST(HostileFolder, H19_TruncatedWhileMapped) {
  TempFolder folder;
  const auto path =
      folder.write("model.safetensors", safetensors_file(one_tensor("U8", "[65536]", "[0,65536]"), 65536));
  EXPECT_EXIT(
      {
        install_sigbus_message();
        const auto source = open_hf_tensors(folder.path());
        if (::truncate(path.c_str(), 100) != 0) ::_exit(3);
        volatile std::byte last = source->find("a")->bytes.back();
        static_cast<void>(last);
        ::_exit(0);
      },
      testing::ExitedWithCode(1), "changed or could not be read");
}

TEST(HostileFolder, H19_AFileThatWasWrittenToIsNoticed) {
  Shards s;
  s.index(R"({"a":"s1.safetensors","b":"s2.safetensors"})");
  const auto source = s.open();
  EXPECT_TRUE(source->changed_files().empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  s.folder.write("s2.safetensors", kShardB);  // as long, and other bytes for all anybody knows
  ASSERT_EQ(source->changed_files().size(), 1U);
  EXPECT_TRUE(source->changed_files()[0].ends_with("s2.safetensors"));
}

TEST(HostileFolder, WhatCannotBeReadIsNotCalledAbsent) {
  TempFolder folder;
  fs::create_symlink("blobs/gone", folder.path() / "model.safetensors");  // a cache that was cleaned by hand
  expect_error([&] { open_hf_tensors(folder.path()); }, {"model.safetensors", "link to blobs/gone"});
  const auto gguf = folder.write("closed.gguf", "GGUF");
  fs::permissions(gguf, fs::perms::none);
  const AsNobody nobody(folder.path());
  expect_error([&] { open_model(gguf); }, {"closed.gguf", "cannot open", "Permission denied"});
}

TEST(HostileFolder, ALargeFileThatGitDidNotDownloadIsNamed) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 4\n";
  TempFolder folder;
  folder.write("model.safetensors", pointer);
  expect_error([&] { open_hf_tensors(folder.path()); },
               {"model.safetensors: is a Git LFS pointer", "git lfs pull"});
  expect_error([&] { open_model(folder.write("m.gguf", pointer)); }, {"m.gguf: is a Git LFS pointer"});
  expect_error([&] { open_model(folder.write("m.safetensors", pointer)); },
               {"m.safetensors: is a Git LFS pointer"});
}

// The warning is all that tells which of the two was meant.
TEST(HostileFolder, ShardsBesideASingleFileArePassedOverAloud) {
  Shards s;
  s.index(R"({"a":"s1.safetensors","b":"s2.safetensors"})");
  s.folder.write("model.safetensors", kShardA);
  const auto log = spdlog::default_logger();
  std::ostringstream said;
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  const auto source = s.open();
  spdlog::set_default_logger(log);
  EXPECT_EQ(source->find("b"), nullptr);
  EXPECT_NE(said.str().find("model.safetensors.index.json names beside it are passed over"),
            std::string::npos)
      << said.str();
}

TEST(HostileFolder, H19_ReplacedByRenameKeepsTheOldBytes) {
  TempFolder folder;
  const auto path = folder.write("model.safetensors", kShardA);
  const auto source = open_hf_tensors(folder.path());
  fs::rename(folder.write("new", std::string(200, 'x')), path);
  EXPECT_EQ(source->find("a")->bytes[3], std::byte{0});
}

// A folder whose config and weights do not belong together is caught before anything is sized by the config;
// the full list of names and shapes is the model loader's.
class TinyModel : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto& entry :
         fs::directory_iterator(fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/llama_gqa"))
      fs::copy(entry.path(), folder_.path() / entry.path().filename());
    std::ifstream in(folder_.path() / "config.json");
    config_.assign(std::istreambuf_iterator<char>(in), {});
  }
  void replace(std::string_view key, std::string_view value) {
    const auto at = config_.find("\"" + std::string(key) + "\"");
    ASSERT_NE(at, std::string::npos);
    const auto colon = config_.find(':', at);
    config_.replace(colon + 1, config_.find_first_of(",\n}", colon) - colon - 1, " " + std::string(value));
    folder_.write("config.json", config_);
  }
  void expect(const std::vector<std::string>& parts) {
    expect_error([&] { open_model(folder_.path()); }, parts);
  }

  TempFolder folder_;
  std::string config_;
};

TEST_F(TinyModel, OpensAsItIs) { EXPECT_EQ(open_model(folder_.path()).config.num_hidden_layers, 3); }

TEST_F(TinyModel, H16_MoreLayersThanTensors) {
  replace("num_hidden_layers", "4");
  expect({"model.layers.3.input_layernorm.weight is missing", "num_hidden_layers 4"});
}

TEST_F(TinyModel, H40_VocabularyIsNotTheEmbedding) {
  replace("vocab_size", "300");
  expect({"model.safetensors", "embed_tokens.weight", "[257, 60]", "[300, 60]"});
}

TEST_F(TinyModel, H16_NoEmbedding) {
  folder_.write("model.safetensors", kShardA);
  expect({"embed_tokens.weight is missing"});
}

TEST_F(TinyModel, H17_NonFiniteWeightsLoad) {
  // The values are nobody's business at load: the first 8 KiB of data become NaN.
  std::fstream file(folder_.path() / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  std::uint64_t header = 0;
  file.read(reinterpret_cast<char*>(&header), 8);
  file.seekp(static_cast<std::streamoff>(8 + header));
  file << std::string(8192, '\xFF');
  file.close();
  EXPECT_NO_THROW(open_model(folder_.path()));
}

TEST_F(TinyModel, H41_QuantizationWeCannotReadMattersOnlyForQuantisedTensors) {
  std::string plain = config_;
  plain.insert(plain.rfind('}'), R"(,"quantization_config":{"quant_method":"gptq","bits":3,"group_size":0})");
  folder_.write("config.json", plain);
  EXPECT_NO_THROW(open_model(folder_.path()));
  const auto fp8 = fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/deepseek_v3_fp8_any_scale";
  EXPECT_NO_THROW(open_model(fp8));
  for (const auto& entry : fs::directory_iterator(fp8))
    fs::copy(entry.path(), folder_.path() / entry.path().filename(), fs::copy_options::overwrite_existing);
  std::ifstream in(folder_.path() / "config.json");
  config_.assign(std::istreambuf_iterator<char>(in), {});
  replace("quant_method", "\"gptq\"");
  expect({"config.json: quantization_config", "gptq", "fp8", "F8_E4M3"});
}

TEST(OpenModel, SaysWhatAModelIs) {
  TempFolder folder;
  const std::string what = "a Hugging Face folder (config.json and safetensors files) or a .gguf file";
  expect_error([&] { open_model(folder.path() / "none"); }, {"none", "no such file", what});
  expect_error([&] { open_model(folder.path()); }, {"no config.json", what});
  expect_error([&] { open_model(folder.write("model.bin", "PK\3\4")); },
               {"model.bin", "not a GGUF file", what});
  expect_error([&] { open_model(folder.write("m.safetensors", kShardA)); },
               {"m.safetensors", "give the folder"});
  expect_error([&] { open_model(folder.write("empty.gguf", "")); }, {"empty.gguf", "not a GGUF file"});
  expect_error([&] { open_model("/dev/null"); }, {"/dev/null", "neither a file nor a folder"});
}

}  // namespace
}  // namespace dsa
