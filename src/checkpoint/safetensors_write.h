// Writing a safetensors file so that a crash leaves the old file or the new one, never half of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "tensor/dtype.h"

namespace dsa {

struct TensorHead {
  std::string name;
  DType type = DType::f32;  // plain elements only
  std::vector<std::int64_t> shape;
};

struct TensorToWrite : TensorHead {
  TensorToWrite(std::string name, DType type, std::vector<std::int64_t> shape,
                std::span<const std::byte> bytes)
      : TensorHead{std::move(name), type, std::move(shape)}, bytes(bytes) {}
  std::span<const std::byte> bytes;  // shape's product x the type's size
};

/// For values that come one after the other and need not be in memory together.  Larger types first, then by
/// name, header padded with spaces to a multiple of 8, as the reference writer does: every tensor is aligned
/// to its type.  The file is written as an AtomicFile is.  Throws Error if the disk fails.
class SafetensorsWriter {
 public:
  /// `tensors` in the order in which their values will come, which must be the one above.
  SafetensorsWriter(const std::filesystem::path& path, std::span<const TensorHead> tensors,
                    const std::map<std::string, std::string>& metadata = {});

  /// The next bytes of the values: any number of them, tensor after tensor.
  void write(std::span<const std::byte> bytes);
  /// All bytes have been written.
  void commit();

 private:
  AtomicFile file_;
  std::size_t left_ = 0;  // bytes to come
};

/// All at once, in any order.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace dsa
