// What `dsa inspect` tells about a checkpoint, gathered without reading a weight.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/opened_model.h"

namespace dsa::cli {

struct TypeTotal {
  std::string type;
  std::int64_t tensors = 0;
  std::int64_t elements = 0;
  std::int64_t bytes = 0;
};

struct KernelFamily {
  std::string name;
  std::string refused;                // why it cannot run here; empty: it can
  std::vector<std::string> borrowed;  // ops it leaves to the reference
};

struct ModelReport {
  std::string path;
  std::string format;
  std::string architecture;
  ModelConfig config;
  std::string indexer_folder;   // empty: there is none, or it is the model's own
  std::int64_t parameters = 0;  // what the checkpoint stores, scales of quantised blocks not counted
  std::int64_t bytes = 0;       // of all tensors
  std::vector<TypeTotal> types;
  std::int64_t cache_bytes = 0;      // a token, all layers, default compute
  std::int64_t cache_bytes_f32 = 0;  // under --compute f32
  std::int64_t rows = 0;  // most tokens of one forward pass, with all of the context and every core
  std::vector<KernelFamily> kernels;
  std::string chosen_kernels;
  std::string kernels_reason;  // for a person
  std::string problem;         // why the weights cannot be run; empty: they can
  std::string tokenizer;       // pre-tokenizer and size, or why there is none
  std::string chat_format;     // its name, or why there is none; empty without a tokenizer
};

/// `parameters` counts every stored tensor of the model but weight_scale_inv.  Throws Error as open_model()
/// does.
ModelReport report(const OpenedModel& opened);

nlohmann::ordered_json to_json(const ModelReport& report);
/// Lines for a person, the last one ended too.
std::string to_text(const ModelReport& report);

/// 685355000000 -> "685.4B", 134515008 -> "134.5M".
std::string human_count(std::int64_t count);
/// 98362432 -> "93.8 MiB".
std::string human_bytes(std::int64_t bytes);

}  // namespace dsa::cli
