// safetensors files: an 8-byte header length, a JSON header,
// the data (github.com/huggingface/safetensors, "Format").
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/tensor_source.h"

namespace dsa {

inline constexpr std::size_t kMaxSafetensorsHeader = 100'000'000;  // the format's own limit

struct NamedTensor {
  std::string name;
  StoredTensor tensor;
};

struct SafetensorsContents {
  std::vector<NamedTensor> tensors;  // in the order of their data
  std::map<std::string, std::string> metadata;
};

/// Checks the whole header of the file held in `bytes` and describes its tensors; no value is read.  Throws
/// Error that starts with `who` (the path), which must live as long as the result.  Header whitespace on both
/// sides of the JSON, "__metadata__": null and further keys of a tensor are accepted, as the reference reader
/// does; everything else is as strict as it or stricter: duplicate names, holes, overlaps and trailing bytes
/// are errors.
SafetensorsContents parse_safetensors(std::span<const std::byte> bytes, std::string_view who);

/// One mapped file.  Immutable: safe to read from many threads.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  [[nodiscard]] const std::string& who() const { return who_; }
  [[nodiscard]] const MappedFile& file() const { return file_; }
  [[nodiscard]] const std::vector<NamedTensor>& tensors() const { return contents_.tensors; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return contents_.metadata; }

 private:
  MappedFile file_;
  std::string who_;  // what the tensors' `file` points at
  SafetensorsContents contents_;
};

}  // namespace dsa
