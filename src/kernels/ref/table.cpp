#include "kernels/ref/ref.h"

namespace dsa {

std::optional<std::string> ref::refuse() { return std::nullopt; }
std::size_t ref::packed_bytes(const WeightView& /*weight*/) { return 0; }
void ref::pack(Exec& /*exec*/, const WeightView& /*weight*/, std::span<std::byte> /*out*/) {}

constinit const KernelTable kRefKernels = ref::kernels();

}  // namespace dsa
