#include "checkpoint/gguf_tensor_type.h"

#include <fmt/ranges.h>

#include <array>
#include <vector>

#include "kernels/dequantize.h"

namespace dsa {
namespace {

using Status = GgufTensorType::Status;

constexpr GgufTensorType readable(DType type) { return {Status::readable, type, name(type)}; }
constexpr GgufTensorType unsupported(std::string_view name) {
  return {Status::unsupported, DType::f32, name};
}
constexpr GgufTensorType removed(std::string_view name) { return {Status::removed, DType::f32, name}; }

// In the order of the numbers; removed ones keep their number.
constexpr std::array kTypes{
    readable(DType::f32),   readable(DType::f16),  readable(DType::q4_0),  readable(DType::q4_1),
    removed("Q4_2"),        removed("Q4_3"),       readable(DType::q5_0),  readable(DType::q5_1),
    readable(DType::q8_0),  unsupported("Q8_1"),   readable(DType::q2_k),  readable(DType::q3_k),
    readable(DType::q4_k),  readable(DType::q5_k), readable(DType::q6_k),  unsupported("Q8_K"),
    unsupported("IQ2_XXS"), unsupported("IQ2_XS"), unsupported("IQ3_XXS"), unsupported("IQ1_S"),
    unsupported("IQ4_NL"),  unsupported("IQ3_S"),  unsupported("IQ2_S"),   unsupported("IQ4_XS"),
    readable(DType::i8),    readable(DType::i16),  readable(DType::i32),   readable(DType::i64),
    readable(DType::f64),   unsupported("IQ1_M"),  readable(DType::bf16),  removed("Q4_0_4_4"),
    removed("Q4_0_4_8"),    removed("Q4_0_8_8"),   unsupported("TQ1_0"),   unsupported("TQ2_0"),
    removed("IQ4_NL_4_4"),  removed("IQ4_NL_4_8"), removed("IQ4_NL_8_8"),  unsupported("MXFP4"),
    unsupported("NVFP4"),   unsupported("Q1_0"),
};

}  // namespace

GgufTensorType gguf_tensor_type(std::uint32_t id) {
  return id < kTypes.size() ? kTypes[id] : GgufTensorType{};
}

std::string weight_gguf_types() {
  std::vector<std::string_view> names;
  for (const auto& type : kTypes)
    if (type.status == Status::readable && is_weight_type(type.type)) names.push_back(type.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace dsa
