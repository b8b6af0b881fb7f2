// The weights that the sparse stage trains: the model's own, or low-rank additions to its matrices (LoRA).
#pragma once

#include <cstdint>
#include <string>

#include "checkpoint/open_model.h"
#include "exec/exec.h"
#include "train/loop/flat_tensors.h"

namespace dsa::train {

/// Every weight of a grouped-query model as float32, dequantised exactly, in half-split order, by its
/// published name; a tied lm_head is not there twice.  Throws Error if one is missing or does not fit.
FlatTensors gqa_weights(const ModelFiles& files, Exec& exec);

/// True for the matrices that LoRA adds to: those of attention and MLP.
bool has_lora(const FlatTensors::Entry& entry);
std::string lora_a(const std::string& matrix);
std::string lora_b(const std::string& matrix);

/// What is added is kLoraScale * B A (Hu et al. 2021, alpha = 2 rank).
inline constexpr float kLoraScale = 2;

/// A [rank, in] uniform in +-in^-1/2, the same for a seed on every machine, and B [out, rank] zero, for every
/// matrix that has_lora(): the model is at first what it was.
FlatTensors lora_weights(const FlatTensors& main, std::int64_t rank, std::int64_t seed);

/// main += kLoraScale * B A.
void merge_lora(const FlatTensors& lora, FlatTensors& main, Exec& exec);

}  // namespace dsa::train
