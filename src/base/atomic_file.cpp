#include "base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/who.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void failed(const fs::path& path, const char* doing) {
  fail("{}: cannot {}: {}", dsa::who(path), doing, std::generic_category().message(errno));
}

}  // namespace

// Hidden: what a killed writer leaves in a folder of documents is none of them.
AtomicFile::AtomicFile(const fs::path& path)
    : path_(path),
      temporary_(path.parent_path() / fmt::format(".{}.{}.tmp", path.filename().string(), ::getpid())) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) failed(temporary_, "create");
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!done_) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) failed(temporary_, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) failed(temporary_, "write to disk");
  if (::close(std::exchange(fd_, -1)) != 0) failed(temporary_, "close");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) failed(path_, "rename the finished file to its name");
  done_ = true;
  sync_folder();
}

// Without this a power cut can undo the rename.
void AtomicFile::sync_folder() const {
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) failed(folder, "open");
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL;  // EINVAL: a file system that has nothing to sync
  ::close(fd);
  if (!synced) failed(folder, "write to disk");
}

void write_file(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

}  // namespace dsa
