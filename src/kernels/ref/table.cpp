#include "kernels/ref/ref.h"

namespace dsa {

std::size_t ref::packed_bytes(const WeightView& /*weight*/) { return 0; }
void ref::pack(Exec& /*exec*/, const WeightView& /*weight*/, std::span<std::byte> /*out*/) {}

const KernelTable kRefKernels{
    .name = "ref",
    .embedding = ref::embedding,
    .rms_norm = ref::rms_norm,
    .layer_norm = ref::layer_norm,
    .linear = ref::linear,
    .absorb_query = ref::absorb_query,
    .expand_value = ref::expand_value,
    .rope = ref::rope,
    .swiglu = ref::swiglu,
    .add_rows = ref::add_rows,
    .gate = ref::gate,
    .cache_write = ref::cache_write,
    .indexer_scores = ref::indexer_scores,
    .indexer_select = ref::indexer_select,
    .attention = ref::attention,
    .packed_bytes = ref::packed_bytes,
    .pack = ref::pack,
};

}  // namespace dsa
