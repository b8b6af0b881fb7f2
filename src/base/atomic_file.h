// Writing a file so that a crash leaves the old one or the new one, never half of one.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace dsa {

/// A file that exists under its final name only once all of it is on disk: a temporary file in the same
/// folder, fsync, rename, fsync of the folder.  Without commit() the temporary file is removed; one that a
/// killed writer left is used again.  Every function throws Error if the disk fails.  Any number of writers,
/// threads or processes, may write the same path: the last commit() stands.
///
/// Who opens the path afterwards finds what is expected there: a symbolic link is followed and stays, a file
/// that is replaced hands down its mode (and its owner where that is allowed), and what is no regular file, a
/// FIFO or a device, is written straight to.  So is standard output: "-", or any path that leads to it.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  AtomicFile() = default;  // complete: what fails later is cleaned up behind
  void open_in_place(bool standard_output);
  void open_temporary();
  bool try_temporary(const std::filesystem::path& path);
  void hand_down(const struct stat& replaced) const;
  void sync_folder() const;

  std::filesystem::path path_;       // links followed
  std::filesystem::path temporary_;  // empty: written in place
  int fd_ = -1;
};

/// The whole file at once.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace dsa
