// ggml's numbers for tensor types.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/dtype.h"

namespace dsa {

/// What ggml_type number `id` (ggml.h, enum ggml_type) means to us.
struct GgufTensorType {
  enum class Status : std::uint8_t { readable, unsupported, removed, unknown };
  Status status = Status::unknown;
  DType type = DType::f32;  // if readable
  std::string_view name;    // unless unknown
};

GgufTensorType gguf_tensor_type(std::uint32_t id);

/// "F32, F16, ...", for error messages: those that a kernel multiplies.
std::string weight_gguf_types();

}  // namespace dsa
