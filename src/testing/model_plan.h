// For tests: models of any shape, made up on the spot.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/memory_tensors.h"
#include "checkpoint/model_config.h"

namespace dsa::test {

struct PlannedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// Name and shape of every tensor that a published checkpoint of this model holds, without multi-token
/// prediction and block scales: written down apart from the loader's own list.
std::vector<PlannedTensor> plan_model(const ModelConfig& config);

/// Those tensors with values drawn from the seed: matrices, which are as they are in DeepSeek's FP8
/// checkpoints if `matrices` is f8_e4m3 (the router in BF16, embedding and head too), vectors in F32, around
/// 1 where they are norms.
std::unique_ptr<MemoryTensors> draw_model(const ModelConfig& config, DType matrices, std::uint64_t seed);

}  // namespace dsa::test
