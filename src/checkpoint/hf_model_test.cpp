// What config.json says, held against the tensors beside it.
#include "checkpoint/hf_model.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "checkpoint/config_json.h"
#include "checkpoint/config_write.h"
#include "checkpoint/safetensors_write.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

enum class Head : std::uint8_t { none, equal, other, other_type };

// A golden model whose config.json says that its head is tied, with such an lm_head.weight beside it.
void write_tied(const fs::path& folder, Head head) {
  const fs::path golden = fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/qwen3";
  auto config = nlohmann::json::parse(std::ifstream(golden / "config.json"));
  config["tie_word_embeddings"] = true;
  std::ofstream(folder / "config.json") << json_text(config);
  const ModelFiles model = open_hf_model(golden);
  const StoredTensor embedding = *model.tensors->find("model.embed_tokens.weight");
  std::vector<std::byte> bytes(embedding.bytes.begin(), embedding.bytes.end());
  if (head == Head::other) bytes.back() ^= std::byte{1};  // one bit of the last token's row
  if (head == Head::other_type) bytes.resize(bytes.size() / 2);
  const DType type = head == Head::other_type ? DType::bf16 : embedding.type;
  std::vector<TensorToWrite> list;
  model.tensors->for_each([&](std::string_view name, const StoredTensor& tensor) {
    if (name != "lm_head.weight")
      list.push_back({std::string(name), tensor.type, tensor.shape, tensor.bytes});
  });
  if (head != Head::none) list.push_back({"lm_head.weight", type, embedding.shape, bytes});
  write_safetensors(folder / "model.safetensors", list);
}

TEST(HfModel, AStoredHeadThatIsNotTheEmbeddingIsUsedWhateverTheFlagSays) {
  const std::pair<Head, bool> tied[] = {
      {Head::none, true}, {Head::equal, true}, {Head::other, false}, {Head::other_type, false}};
  for (const auto& [head, expected] : tied) {
    const TempFolder folder;
    write_tied(folder.path(), head);
    const ModelFiles model = open_hf_model(folder.path());
    EXPECT_EQ(model.config.tie_word_embeddings, expected) << static_cast<int>(head);
    // And a folder written from it says so.
    EXPECT_EQ(parse_hf_config(bf16_config_json(model), "x").config.tie_word_embeddings, expected);
  }
}

}  // namespace
}  // namespace dsa
