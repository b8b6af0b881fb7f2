// The AVX-512 family with BF16 products: attention, the indexer and its selection.
#include "kernels/cpu/includes.h"

namespace dsa::avx512_bf16 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx512_bf16

#include "kernels/vec/avx512_bf16/begin.h"

namespace dsa::avx512_bf16 {

#include "kernels/vec/avx512/vec.inl"

/// Rows of queries and of sums are padded to whole registers of the elements that products take.
inline constexpr std::int64_t kRowElements = 2 * Vec::kLanes;

#include "kernels/cpu/ops/attention_block.inl"

#include "kernels/cpu/ops/attention_plan.inl"

#include "kernels/cpu/ops/attention_float.inl"

#include "kernels/cpu/ops/attention_bf16.inl"

#include "kernels/cpu/ops/attention.inl"

#include "kernels/cpu/ops/topk.inl"

#include "kernels/cpu/ops/indexer_keys.inl"

#include "kernels/cpu/ops/indexer_bf16.inl"

#include "kernels/cpu/ops/indexer.inl"

}  // namespace dsa::avx512_bf16

#include "kernels/vec/end.h"
