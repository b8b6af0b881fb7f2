// Writing a safetensors file so that a crash leaves the old file or the new one, never half of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace dsa {

struct TensorToWrite {
  std::string name;
  DType type = DType::f32;  // plain elements only
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  // shape's product x the type's size
};

/// Larger types first, then by name, header padded with spaces to a multiple of 8, as the reference writer
/// does: every tensor is aligned to its type.  Temporary file in the same folder, fsync, rename, fsync of the
/// folder.  Throws Error if the disk fails; the temporary file is removed.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace dsa
