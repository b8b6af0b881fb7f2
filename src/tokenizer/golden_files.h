// Reads the goldens that tools/goldens/tokenizer/make.py wrote (its head describes them).
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace dsa::golden {

inline std::filesystem::path folder() {
  return std::filesystem::path(DSA_SOURCE_DIR) / "tests" / "goldens" / "tokenizer";
}

class File {
 public:
  explicit File(const std::filesystem::path& path) : who_(path.string()) {
    gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) fail("{}: cannot be opened", who_);
    std::string chunk(1 << 20, '\0');
    int n = 0;
    while ((n = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0)
      data_.append(chunk, 0, static_cast<std::size_t>(n));
    gzclose(file);
    if (n < 0) fail("{}: not a whole gzip file", who_);
  }

  [[nodiscard]] bool at_end() const { return at_ == data_.size(); }

  std::uint64_t number() {  // LEB128
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      if (at_end() || shift > 56) fail("{}: ends early", who_);
      const auto byte = static_cast<unsigned char>(data_[at_++]);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
  }

  std::string bytes(std::size_t n) {
    if (n > data_.size() - at_) fail("{}: ends early", who_);
    at_ += n;
    return data_.substr(at_ - n, n);
  }

 private:
  std::string who_;
  std::string data_;
  std::size_t at_ = 0;
};

inline std::vector<std::string> strings(const std::filesystem::path& path) {
  File file(path);
  std::vector<std::string> out(file.number());
  for (std::string& s : out) s = file.bytes(file.number());
  if (!file.at_end()) fail("{}: goes on after its last text", path.string());
  return out;
}

inline std::vector<std::vector<std::int32_t>> lists(const std::filesystem::path& path) {
  File file(path);
  std::vector<std::vector<std::int32_t>> out;
  while (!file.at_end()) {
    out.emplace_back(file.number());
    for (std::int32_t& x : out.back()) x = static_cast<std::int32_t>(file.number());
  }
  return out;
}

}  // namespace dsa::golden
