// Attention, the indexer and its selection: of a family with BF16 products.
#include "kernels/cpu/includes.h"

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include "kernels/vec/avx512_bf16/pairs.inl"

#include "kernels/vec/steps.inl"

/// Rows of queries and of sums are padded to whole registers of the elements that products take.
inline constexpr std::int64_t kRowElements = 2 * Vec::kLanes;

#include "kernels/cpu/ops/no_squares.inl"

#include "kernels/cpu/ops/attention_block.inl"

#include "kernels/cpu/ops/attention_plan.inl"

#include "kernels/cpu/ops/attention_float.inl"

#include "kernels/cpu/ops/attention_turned.inl"

#include "kernels/cpu/ops/attention_bf16.inl"

#include "kernels/cpu/ops/attention.inl"

#include "kernels/cpu/ops/topk.inl"

#include "kernels/cpu/ops/int8_rows.inl"

#include "kernels/cpu/ops/indexer_keys.inl"

#include "kernels/cpu/ops/indexer_int8.inl"

#include "kernels/cpu/ops/indexer_bf16.inl"

#include "kernels/cpu/ops/indexer.inl"

#include "kernels/vec/end.h"
