#include "engine/file_calls.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>

namespace dsa {

int FileCalls::open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
int FileCalls::fstat(int fd, struct stat& to) { return ::fstat(fd, &to); }
ssize_t FileCalls::read(int fd, void* to, std::size_t bytes) { return ::read(fd, to, bytes); }
ssize_t FileCalls::write(int fd, const void* from, std::size_t bytes) { return ::write(fd, from, bytes); }
int FileCalls::flock(int fd, int operation) { return ::flock(fd, operation); }
int FileCalls::futimens(int fd, const struct timespec* times) { return ::futimens(fd, times); }
int FileCalls::close(int fd) { return ::close(fd); }
int FileCalls::rename(const char* from, const char* to) { return ::rename(from, to); }
int FileCalls::unlink(const char* path) { return ::unlink(path); }

FileCalls& file_calls() {
  static FileCalls calls;
  return calls;
}

}  // namespace dsa
