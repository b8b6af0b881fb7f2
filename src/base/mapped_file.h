// A file mapped read-only.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "base/file_identity.h"

namespace dsa {

/// Owns a read-only mapping of a whole regular file.  Movable; safe to read from many threads.
/// A file cut short by somebody else while it is mapped raises SIGBUS
/// in the reader: see install_sigbus_message().
class MappedFile {
 public:
  /// Throws Error if the path is missing, unreadable, a directory, FIFO or device.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// True if the path no longer leads to the file that was mapped, or somebody has written to it since: what
  /// is read here may be anything.
  [[nodiscard]] bool changed() const { return FileIdentity::of(path_) != identity_; }

  /// Tells the kernel that these pages were copied elsewhere and need not stay resident;
  /// the bytes stay readable.
  static void drop_pages(std::span<const std::byte> bytes);

 private:
  std::filesystem::path path_;
  std::optional<FileIdentity> identity_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Makes SIGBUS (a mapped file that shrank, a failing disk) end the process with one clear line and status 1.
void install_sigbus_message();

}  // namespace dsa
