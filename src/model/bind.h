// Binding one tensor at a time: found, checked, viewed, and packed where the kernels want it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "checkpoint/tensor_source.h"
#include "model/weights.h"

namespace dsa {

/// What becomes of a matrix that the kernels read as it is stored: read where it is mapped, or copied into
/// the model's own memory, whose huge pages it is read from faster.
enum class Stored : std::uint8_t { mapped, copied };

/// What is read of the tensors: their values, or only what their headers say, to be checked.
enum class Load : std::uint8_t { values, headers };

/// Used while loading only.  Every call throws Error if the tensor is missing or is not what the config says.
class Binder {
 public:
  Binder(const TensorSource& tensors, const KernelTable& kernels, Compute compute, Exec& exec,
         ModelWeights& model, Load load, Stored stored = Stored::mapped)
      : tensors_(tensors),
        kernels_(kernels),
        compute_(compute),
        exec_(exec),
        model_(model),
        load_(load),
        stored_(stored) {}

  /// name + ".weight" [rows, cols] and, if `bias`, name + ".bias" [rows].
  void linear(const std::string& name, std::int64_t rows, std::int64_t cols, bool bias, Linear& out);
  /// The same, with GGUF's interleaved rows of each head put back in half-split order.
  void rotated_linear(const std::string& name, std::int64_t rows, std::int64_t cols, bool bias,
                      std::int64_t head_dim, Linear& out);
  /// Never packed: for ops that read rows of the stored layout.
  void unpacked_linear(const std::string& name, std::int64_t rows, std::int64_t cols, Linear& out);
  /// A vector of plain elements, as float32.
  void vector(const std::string& name, std::int64_t size, std::vector<float>& out);

  [[nodiscard]] bool used(std::string_view name) const { return used_.contains(std::string(name)); }

 private:
  const StoredTensor& get(const std::string& name, std::span<const std::int64_t> shape);
  const StoredTensor* find_packed(const std::string& name, std::span<const std::int64_t> shape) const;
  WeightView view(const std::string& name, std::int64_t rows, std::int64_t cols);
  void bind_scales(const std::string& name, WeightView& weight);
  void pack(WeightView& weight);
  const std::byte* copy(std::span<const std::byte> bytes, const char* what);

  const TensorSource& tensors_;
  const KernelTable& kernels_;
  Compute compute_;
  Exec& exec_;
  ModelWeights& model_;
  Load load_;
  Stored stored_;
  std::unordered_set<std::string> used_;
};

}  // namespace dsa
