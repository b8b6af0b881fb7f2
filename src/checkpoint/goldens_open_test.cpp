// Every tiny checkpoint under tests/goldens/models opens, and says what its folder name promises.
#include <gtest/gtest.h>

#include <filesystem>

#include "checkpoint/open_model.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

std::string prefix_of(Architecture architecture) {
  switch (architecture) {
    case Architecture::llama:
      return "llama";
    case Architecture::qwen2:
      return "qwen2";
    case Architecture::qwen3:
      return "qwen3";
    case Architecture::deepseek_v3:
      return "deepseek_v3";
    case Architecture::deepseek_v32:
      return "deepseek_v32";
    case Architecture::glm_moe_dsa:
      return "glm_moe_dsa";
  }
  return "?";
}

TEST(Goldens, EveryModelOpens) {
  int opened = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(DSA_SOURCE_DIR) / "tests/goldens/models")) {
    if (!fs::exists(entry.path() / "config.json")) continue;
    SCOPED_TRACE(entry.path().string());
    const ModelFiles model = open_model(entry.path());
    EXPECT_TRUE(entry.path().filename().string().starts_with(prefix_of(model.config.architecture)));
    std::int64_t elements = 0;
    model.tensors->for_each([&](std::string_view name, const StoredTensor& tensor) {
      EXPECT_EQ(model.tensors->find(name), &tensor);
      if (name.ends_with("_scale_inv")) return;
      std::int64_t n = 1;
      for (const auto dim : tensor.shape) n *= dim;
      elements += n;
    });
    // The prediction leaves out MTP layers, and a tied head is stored once or twice.
    if (model.config.num_nextn_predict_layers == 0 && !model.config.tie_word_embeddings) {
      EXPECT_EQ(elements, predicted_parameters(model.config, "test"));
    }
    ++opened;
  }
  EXPECT_GE(opened, 20);
}

TEST(Goldens, MtpLayerIsCountedFromTheTensors) {
  const auto model = open_model(fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/deepseek_v32_mtp");
  EXPECT_EQ(model.config.num_nextn_predict_layers, 1);
}

TEST(Goldens, SharedIndexLayersComeFromTheConfig) {
  const auto model = open_model(fs::path(DSA_SOURCE_DIR) / "tests/goldens/models/glm_moe_dsa_shared");
  ASSERT_TRUE(model.config.indexer);
  EXPECT_TRUE(model.config.indexer->rope_interleave);
  EXPECT_EQ(model.config.indexer->full, (std::vector<bool>{true, true, true, false, false, false, true}));
}

}  // namespace
}  // namespace dsa
