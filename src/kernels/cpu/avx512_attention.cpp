// The AVX-512 family: attention, the indexer and its selection.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx512

#include "kernels/cpu/begin_avx512.h"

namespace dsa::avx512 {

#include "kernels/cpu/vec_avx512.inl"

/// Rows of queries and of sums are padded to whole registers of the elements that products take.
inline constexpr std::int64_t kRowElements = Vec::kLanes;

#include "kernels/cpu/attention_block.inl"

#include "kernels/cpu/attention_plan.inl"

#include "kernels/cpu/attention_float.inl"

#include "kernels/cpu/attention_float_only.inl"

#include "kernels/cpu/attention.inl"

#include "kernels/cpu/topk.inl"

#include "kernels/cpu/indexer_keys.inl"

#include "kernels/cpu/indexer_float_only.inl"

#include "kernels/cpu/indexer.inl"

}  // namespace dsa::avx512

#include "kernels/cpu/end_family.h"
