// A whole file as text.
#pragma once

#include <filesystem>
#include <string>

#include "base/mapped_file.h"

namespace dsa::cost {

/// Throws Error if it cannot be read, or is no file.
inline std::string file_text(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  const auto bytes = mapped.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace dsa::cost
