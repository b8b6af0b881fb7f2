// The system calls by which a page goes to disk and comes back: the seam where a test lets the disk fail.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>

namespace dsa {

/// Each as the call of its name: -1, and errno says why, if it fails.  Thread-safe.
class FileCalls {
 public:
  virtual ~FileCalls() = default;

  virtual int open(const char* path, int flags, mode_t mode);
  virtual int fstat(int fd, struct stat& to);
  virtual ssize_t read(int fd, void* to, std::size_t bytes);
  virtual ssize_t write(int fd, const void* from, std::size_t bytes);
  virtual int flock(int fd, int operation);
  virtual int futimens(int fd, const struct timespec* times);
  virtual int close(int fd);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
};

/// The machine's own.
FileCalls& file_calls();

}  // namespace dsa
