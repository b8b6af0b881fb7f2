// Named tensors in files, whichever format: what the model loader asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace dsa {

/// A tensor inside a mapped file.  Not aligned.  Lives as long as the source.
struct StoredTensor {
  DType type = DType::f32;
  std::vector<std::int64_t> shape;  // HF order: [out, in]
  std::span<const std::byte> bytes;
  std::string_view file;  // for error messages
  /// GGUF of the Llama family: q and k rows are interleaved for ggml's rope; rows must be put back in
  /// half-split order (row of head h: pairs (2i, 2i+1) -> (i, i + head_dim/2)).
  bool rope_permuted = false;
};

/// Names are the Hugging Face ones ("model.layers.0.self_attn.q_proj.weight") for GGUF files too.
/// Immutable after opening; safe to read from many threads.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// nullptr if absent.
  [[nodiscard]] virtual const StoredTensor* find(std::string_view name) const = 0;
  /// Every tensor, in file order.
  virtual void for_each(
      const std::function<void(std::string_view name, const StoredTensor&)>& visit) const = 0;
  /// Those of its files that are no longer what was opened: replaced, written to or gone.  The tensors of a
  /// file that was written to in place hold what stands there now.
  [[nodiscard]] virtual std::vector<std::string> changed_files() const { return {}; }
};

}  // namespace dsa
