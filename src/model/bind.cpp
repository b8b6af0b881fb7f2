#include "model/bind.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/mapped_file.h"
#include "base/numeric.h"
#include "checkpoint/tensor_names.h"
#include "kernels/dequantize.h"

namespace dsa {
namespace {

// Where row r of a matrix (element r of a bias) of the half-split model lies in a
// GGUF that interleaves each head's pairs.
std::int64_t interleaved_row(std::int64_t r, std::int64_t head_dim) {
  const std::int64_t head = r / head_dim, i = r % head_dim, half = head_dim / 2;
  return head * head_dim + (i < half ? 2 * i : 2 * (i - half) + 1);
}

// What the scales of FP8 blocks are published in.
bool is_scale_type(DType type) {
  return type == DType::f32 || type == DType::bf16 || type == DType::f16 || type == DType::f8_e8m0;
}

}  // namespace

const StoredTensor& Binder::get(const std::string& name, std::span<const std::int64_t> shape) {
  const StoredTensor* tensor = tensors_.find(name);
  if (const StoredTensor* packed = find_packed(name, shape))
    fail(
        "weights: {} is stored as 4-bit numbers packed into {} {}, which dsa does not read ({}); "
        "use the model in BF16 or FP8, or a GGUF of it",
        name, dsa::name(packed->type), packed->shape, packed->file);
  if (tensor == nullptr)
    fail(
        "weights: tensor {} is missing; "
        "expected shape {} (config.json and the weights do not belong together, or a file is incomplete)",
        name, shape);
  if (!std::equal(tensor->shape.begin(), tensor->shape.end(), shape.begin(), shape.end()))
    fail("weights: {} has shape {}, expected {} ({})", name, tensor->shape, shape, tensor->file);
  used_.insert(name);
  return *tensor;
}

// A matrix as bitsandbytes (U8 under its own name), GPTQ and AWQ (I32 under another) pack it.
const StoredTensor* Binder::find_packed(const std::string& name, std::span<const std::int64_t> shape) const {
  if (shape.size() != 2) return nullptr;
  const auto half = usize(shape[0]) * usize(shape[1]) / 2;
  const auto packs = [&](const StoredTensor* t) {
    return t != nullptr && t->bytes.size() == half && (t->type == DType::u8 || t->type == DType::i32);
  };
  const StoredTensor* tensor = tensors_.find(name);
  if (packs(tensor)) return tensor;
  if (tensor != nullptr || !name.ends_with(".weight")) return nullptr;
  const StoredTensor* other = tensors_.find(name.substr(0, name.size() - 6) + "qweight");
  return packs(other) ? other : nullptr;
}

WeightView Binder::view(const std::string& name, std::int64_t rows, std::int64_t cols) {
  const StoredTensor& tensor = get(tensor_names::weight(name), std::array{rows, cols});
  if (!is_weight_type(tensor.type))
    fail("weights: {}.weight is stored as {}, which no kernel multiplies ({})", name, dsa::name(tensor.type),
         tensor.file);
  const auto row_bytes = storage_bytes(tensor.type, cols);
  if (!row_bytes)
    fail("weights: {}.weight has rows of {} elements, not a multiple of the {} of a {} block ({})", name,
         cols, traits(tensor.type).block_elements, dsa::name(tensor.type), tensor.file);
  WeightView weight{
      .type = tensor.type, .rows = rows, .cols = cols, .data = tensor.bytes.data(), .row_bytes = *row_bytes};
  if (weight.type == DType::f8_e4m3) bind_scales(name, weight);
  return weight;
}

// DeepSeek's "weight_scale_inv" is multiplied, whatever its name says; it may lie in another shard.
void Binder::bind_scales(const std::string& name, WeightView& weight) {
  const std::array shape{ceil_div(weight.rows, kScaleBlock), ceil_div(weight.cols, kScaleBlock)};
  const StoredTensor& scales = get(tensor_names::scales(name), shape);
  if (!is_scale_type(scales.type))
    fail("weights: {}.weight_scale_inv is stored as {}, expected F32, BF16, F16 or F8_E8M0 ({})", name,
         dsa::name(scales.type), scales.file);
  if (load_ == Load::headers) return;
  weight.scale_stride = shape[1];
  const bool aligned = reinterpret_cast<std::uintptr_t>(scales.bytes.data()) % alignof(float) == 0;
  if (scales.type == DType::f32 && aligned) {
    weight.scales = reinterpret_cast<const float*>(scales.bytes.data());
    return;
  }
  const auto count = usize(shape[0] * shape[1]);
  const auto kept = model_.owned.take(count * sizeof(float), "FP8 scales");
  const std::span values(reinterpret_cast<float*>(kept.data()), count);
  weight.scales = values.data();
  if (scales.type == DType::f8_e8m0)
    std::ranges::transform(scales.bytes, values.begin(),
                           [](std::byte b) { return e8m0_to_float(std::to_integer<std::uint8_t>(b)); });
  else
    dequantize(scales.type, scales.bytes.data(), values);
}

void Binder::vector(const std::string& name, std::int64_t size, std::vector<float>& out) {
  const StoredTensor& tensor = get(name, std::array{size});
  if (!is_weight_type(tensor.type) || is_quantized_block(tensor.type) || tensor.type == DType::f8_e4m3)
    fail("weights: {} is stored as {}, expected F32, BF16 or F16 ({})", name, dsa::name(tensor.type),
         tensor.file);
  if (load_ == Load::headers) return;
  out.resize(static_cast<std::size_t>(size));
  dequantize(tensor.type, tensor.bytes.data(), out);
}

void Binder::unpacked_linear(const std::string& name, std::int64_t rows, std::int64_t cols, Linear& out) {
  out.weight = view(name, rows, cols);
}

void Binder::linear(const std::string& name, std::int64_t rows, std::int64_t cols, bool bias, Linear& out) {
  out.weight = view(name, rows, cols);
  if (bias) vector(tensor_names::bias(name), rows, out.bias);
  if (load_ == Load::headers) return;
  pack(out.weight);
  if (stored_ == Stored::copied && out.weight.packed == nullptr)
    out.weight.data = copy(tensors_.find(tensor_names::weight(name))->bytes, "weights");
}

void Binder::rotated_linear(const std::string& name, std::int64_t rows, std::int64_t cols, bool bias,
                            std::int64_t head_dim, Linear& out) {
  const StoredTensor* tensor = tensors_.find(tensor_names::weight(name));
  if (tensor == nullptr || !tensor->rope_permuted || load_ == Load::headers)
    return linear(name, rows, cols, bias, out);

  out.weight = view(name, rows, cols);
  const std::size_t row_bytes = out.weight.row_bytes;
  const Buffer ordered(static_cast<std::size_t>(rows) * row_bytes, "re-ordered q and k weights");
  for (std::int64_t r = 0; r < rows; ++r)
    std::memcpy(ordered.data() + static_cast<std::size_t>(r) * row_bytes,
                out.weight.data + static_cast<std::size_t>(interleaved_row(r, head_dim)) * row_bytes,
                row_bytes);
  out.weight.data = ordered.data();
  pack(out.weight);
  // The re-ordered rows are kept only where the kernels read them.
  if (out.weight.packed == nullptr) {
    out.weight.data = copy(ordered.bytes(), "re-ordered q and k weights");
  } else {
    out.weight.data = nullptr;
  }
  if (!bias) return;
  std::vector<float> stored;
  vector(tensor_names::bias(name), rows, stored);
  out.bias.resize(stored.size());
  for (std::int64_t r = 0; r < rows; ++r)
    out.bias[static_cast<std::size_t>(r)] = stored[static_cast<std::size_t>(interleaved_row(r, head_dim))];
}

void Binder::pack(WeightView& weight) {
  if (compute_ == Compute::f32) return;
  const std::size_t bytes = kernels_.packed_bytes(weight);
  if (bytes == 0) return;
  const auto packed = model_.owned.take(bytes, "packed weights");
  kernels_.pack(exec_, weight, packed);
  weight.packed = packed.data();
  model_.packed_bytes += bytes;
  MappedFile::drop_pages({weight.data, static_cast<std::size_t>(weight.rows) * weight.row_bytes});
}

const std::byte* Binder::copy(std::span<const std::byte> bytes, const char* what) {
  const auto kept = model_.owned.take(bytes.size(), what);
  std::ranges::copy(bytes, kept.begin());
  return kept.data();
}

}  // namespace dsa
