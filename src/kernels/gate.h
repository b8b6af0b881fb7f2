// The router of DeepSeek-V3 ("noaux_tc"): which experts a token visits, and with what weight.
#pragma once

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

inline constexpr std::int64_t kMaxExperts = 1024;  // lets a family keep a row's scores on the stack

/// Per row (inference/model.py Gate.forward; docs/checkpoints.md, "The router"):
///   s = sigmoid(logits); c = s + bias (bias only selects)
///   group score = sum of the two largest c of the group (of one if it has one expert); the topk_group
///   best groups are kept; experts = the topk largest c among the kept
///   weight = s[expert], divided by (sum of the chosen s + 1e-20) if norm_topk, times route_scale
/// Ties (groups and experts) go to the lower index.  ids are written in descending order of c,
/// ties ascending.  NaN logits sort below everything and reach the weights.
struct GateArgs {
  TensorView<const float, 2> logits;  // [n, experts]; experts <= kMaxExperts
  std::span<const float> bias;        // [experts], or empty for zeros
  std::int64_t groups = 1;            // divides experts
  std::int64_t topk_groups = 1;       // in [1, groups]
  std::int64_t topk = 1;              // in [1, topk_groups * experts / groups]
  bool norm_topk = true;
  float route_scale = 1;
  TensorView<std::int32_t, 2> ids;  // [n, topk]
  TensorView<float, 2> weights;     // [n, topk]
};

/// The (token, slot) pairs of ids sorted by expert, those of one expert by token: expert e has places
/// [start[e], start[e + 1]), and place p holds
///   rows[p] = its token, scale[p] = weights[token, slot]
struct SortByExpertArgs {
  TensorView<const std::int32_t, 2> ids;  // [n, topk], each in [0, experts)
  TensorView<const float, 2> weights;     // [n, topk]
  std::span<std::int32_t> start;          // [experts + 1]
  std::span<std::int32_t> rows;           // [n * topk]
  std::span<float> scale;                 // [n * topk]
};

}  // namespace dsa
