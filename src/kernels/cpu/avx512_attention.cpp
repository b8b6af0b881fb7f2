// The AVX-512 family: attention, the indexer and its selection.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx512

#include "kernels/vec/avx512/begin.h"

namespace dsa::avx512 {

#include "kernels/vec/avx512/vec.inl"

/// Rows of queries and of sums are padded to whole registers of the elements that products take.
inline constexpr std::int64_t kRowElements = Vec::kLanes;

#include "kernels/cpu/ops/attention_block.inl"

#include "kernels/cpu/ops/attention_plan.inl"

#include "kernels/cpu/ops/attention_float.inl"

#include "kernels/cpu/ops/attention_float_only.inl"

#include "kernels/cpu/ops/attention.inl"

#include "kernels/cpu/ops/topk.inl"

#include "kernels/cpu/ops/indexer_keys.inl"

#include "kernels/cpu/ops/indexer_float_only.inl"

#include "kernels/cpu/ops/indexer.inl"

}  // namespace dsa::avx512

#include "kernels/vec/end.h"
