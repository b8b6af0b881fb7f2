// For tests: a golden model with an indexer that has just been made for it, in a folder as it is published.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/fingerprint.h"
#include "testing/test_files.h"
#include "train/warmup/document_pass.h"
#include "train/warmup/publish.h"

namespace dsa::train {

inline constexpr std::int64_t kGoldenTokens = 100, kGoldenTopk = 9;

class GoldenCase {
 public:
  GoldenCase(const char* model, std::int64_t heads, std::int64_t dim)
      : files_(open_model(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models" / model)),
        checkpoint_(indexer_shape(files_, heads, dim)) {
    for (std::int64_t i = 0; i < kGoldenTokens; ++i)
      tokens_.push_back(static_cast<std::int32_t>(i * 37 % files_.config.vocab_size));
    initialize(checkpoint_.parameters, 11);
    // As the folder keeps them.
    for (float& x : checkpoint_.parameters.values()) x = static_cast<float>(bf16(x * 4));
    checkpoint_.settings.topk = kGoldenTopk;
    checkpoint_.identity.model = fingerprint(*files_.tensors, files_.config);
    publish_indexer(folder_.path(), files_, checkpoint_, kGoldenTokens, TrainLog(folder_.path() / "log", 0));
  }

  [[nodiscard]] ModelFiles& files() { return files_; }
  [[nodiscard]] IndexerTensors& indexer() { return checkpoint_.parameters; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  [[nodiscard]] const std::vector<std::int32_t>& tokens() const { return tokens_; }

 private:
  TempFolder folder_;
  ModelFiles files_;
  WarmupCheckpoint checkpoint_;
  std::vector<std::int32_t> tokens_;
};

}  // namespace dsa::train
