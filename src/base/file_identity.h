// Which file it is, and that nobody has written to it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace dsa {

/// Equal for two looks at one file between which nobody has written to it, as far as the file system tells.
class FileIdentity {
 public:
  explicit FileIdentity(const struct stat& file)
      : device_(file.st_dev),
        inode_(file.st_ino),
        size_(file.st_size),
        seconds_(file.st_mtim.tv_sec),
        nanoseconds_(file.st_mtim.tv_nsec) {}
  /// Nothing if there is no such file, or none that may be looked at.
  static std::optional<FileIdentity> of(const std::filesystem::path& path) {
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) return std::nullopt;
    return FileIdentity(file);
  }

  bool operator==(const FileIdentity&) const = default;

 private:
  std::uint64_t device_, inode_;
  std::int64_t size_, seconds_, nanoseconds_;
};

}  // namespace dsa
