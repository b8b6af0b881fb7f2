// How fast a model runs on a machine that is only described: by its bytes and operations.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/cost.h"
#include "cost/range.h"
#include "cost/settings.h"
#include "cost/speed.h"

namespace dsa::cost {

/// How the devices of a machine share a pass:
///   tensor_parallel    T devices, a group, split each matrix and the heads.  What MLA keeps of a token
///                      belongs to all heads, so that each device reads it; an indexer sums over its heads,
///                      so that each scores with all of them.
///   context_parallel   C groups split the tokens of a prompt; each reads all of the cache.
///   expert_parallel    E devices hold their share of the routed experts (1: they are split as all is).
///   decoding           every group has its own sequences.
struct Parallel {
  std::int64_t devices = 1, tensor = 1, context = 1, experts = 1;

  [[nodiscard]] std::int64_t groups() const { return devices / tensor; }
};
/// Throws Error if they are more than there are, or share without a link.
Parallel parallel_of(const Hardware& machine);

/// Seconds of a pass.  Its parts come one after the other; within one, memory and arithmetic overlap, and
/// reach read_share and arithmetic_share of what the machine has.  Then what the devices tell one another.
/// `machine`: at() one corner.
double prefill_seconds(const ModelShape& model, const Hardware& machine, std::int64_t topk, const Pass& pass);
/// One token for each of `sequences` that have `position` tokens before it.
double decode_seconds(const ModelShape& model, const Hardware& machine, std::int64_t topk,
                      std::int64_t position, std::int64_t sequences);

/// Of one device: weights, and the cache of its share of so many sequences of so many tokens.
double memory_bytes(const ModelShape& model, const Parallel& parallel, std::int64_t context,
                    std::int64_t sequences);

/// Of a prompt that no cache has, alone on the machine.
struct Prediction {
  std::string attention;
  std::int64_t context = 0;
  Corners<double> ttft_s, tpot_ms;
};
/// For 4K, 8K, ... 128K tokens, dense and, of a model with an indexer, sparse.  Throws Error if the model
/// does not fit.
std::vector<Prediction> predictions(const ModelShape& model, const Hardware& machine);

/// The same as speeds, with as many clients at once as the memory has room for the workload's requests.
Speeds predict(const ModelShape& model, const Settings& settings, const std::string& name);

/// The fewest devices, of 1, 2, 4, ... 4,096, of this kind that read `context` tokens within ttft_s and write
/// within tpot_ms: tensor_parallel as it is, all others for experts and context.  Nothing: not so many.
std::optional<std::int64_t> devices_for(const ModelShape& model, const Hardware& machine, std::int64_t topk,
                                        std::int64_t context, double ttft_s, double tpot_ms);

}  // namespace dsa::cost
