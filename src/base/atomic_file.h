// Writing a file so that a crash leaves the old one or the new one, never half of one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace dsa {

/// A file that exists under its final name only once all of it is on disk: a temporary file in the same
/// folder, fsync, rename, fsync of the folder.  Every function throws Error if the disk fails; without
/// commit() the temporary file is removed.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  void sync_folder() const;

  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  bool done_ = false;
};

/// The whole file at once.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace dsa
