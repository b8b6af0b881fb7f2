// Files for the tests of this folder: temporary folders, hand-made safetensors,
// and the error a bad one must give.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dsa {

/// A new empty folder, removed with everything in it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "dsa_test_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(std::string_view name, std::string_view bytes) const {
    const auto path = path_ / name;
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::filesystem::path path_;
};

/// While it lives, the process may do what a user without any rights may; the folder is opened to it.
/// Nothing changes where the process is not root: then it has no right to everything anyway.
class AsNobody {
 public:
  explicit AsNobody(const std::filesystem::path& folder) {
    std::filesystem::permissions(folder, std::filesystem::perms(0755));
    if (::geteuid() == 0) became_ = ::seteuid(65534) == 0;
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() {
    if (became_ && ::seteuid(0) != 0) ADD_FAILURE() << "root again: refused";
  }

 private:
  bool became_ = false;
};

inline std::string little_endian_u64(std::uint64_t n) {
  std::string out;
  for (int i = 0; i < 8; ++i, n >>= 8) out += static_cast<char>(n & 0xFF);
  return out;
}

/// A whole file: the header with its length before it and `data_bytes` zeros after it.
inline std::string safetensors_file(std::string_view header, std::size_t data_bytes = 0) {
  return little_endian_u64(header.size()) + std::string(header) + std::string(data_bytes, '\0');
}

/// {"name":{"dtype":...,"shape":...,"data_offsets":[begin,end]}} with the parts as given.
inline std::string one_tensor(std::string_view dtype, std::string_view shape, std::string_view offsets,
                              std::string_view name = "a") {
  return "{\"" + std::string(name) + "\":{\"dtype\":\"" + std::string(dtype) +
         "\",\"shape\":" + std::string(shape) + ",\"data_offsets\":" + std::string(offsets) + "}}";
}

/// What Error says; fails the test if nothing or something else was thrown.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "threw something else: " << error.what();
    return {};
  }
  ADD_FAILURE() << "no error";
  return {};
}

/// `f` must throw Error, and the message must hold every one of `parts`.
template <class F>
void expect_error(F&& f, const std::vector<std::string>& parts) {
  const std::string message = error_of(f);
  for (const auto& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "message: " << message << "\nlacks: " << part;
  EXPECT_LT(message.size(), 3000U);
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

}  // namespace dsa
