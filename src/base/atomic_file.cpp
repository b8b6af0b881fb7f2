#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/who.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;          // as the kernel
constexpr int kMostWriters = 1000;      // of one path at once
constexpr std::size_t kMostName = 200;  // of the path's own name in the temporary one

[[noreturn]] void failed(const fs::path& path, const char* doing) {
  fail("{}: cannot {}: {}", who(path), doing, std::generic_category().message(errno));
}

std::optional<struct stat> look_at(const fs::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) return found;
  if (errno != ENOENT) failed(path, "look at it");
  return std::nullopt;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool is_standard_output(const struct stat& file) {
  struct stat output {};
  return ::fstat(STDOUT_FILENO, &output) == 0 && same_file(file, output);
}

// Where the file is or will be: the end of a chain of symbolic links, which need not exist.
fs::path follow_links(fs::path path) {
  std::error_code none;
  for (int links = 0; fs::is_symlink(fs::symlink_status(path, none)); ++links) {
    if (links == kMostLinks)
      fail("{}: more than {} symbolic links, one leading to the next", who(path), kMostLinks);
    path = path.parent_path() / fs::read_symlink(path, none);  // an absolute target replaces the folder
  }
  return path;
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : AtomicFile() {
  path_ = path;
  const auto found = path == "-" ? std::nullopt : look_at(path);
  if (found && S_ISDIR(found->st_mode)) fail("{}: is a folder, expected a file", who(path));
  if (path == "-" || (found && (!S_ISREG(found->st_mode) || is_standard_output(*found)))) {
    open_in_place(!found || is_standard_output(*found));
    return;
  }
  path_ = follow_links(path);
  open_temporary();
  if (found) hand_down(*found);
}

void AtomicFile::open_in_place(bool standard_output) {
  fd_ = standard_output ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                        : ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd_ < 0) failed(path_, "open");
  if (standard_output) path_ = "stdout";  // for messages
}

// Hidden: what a killed writer leaves in a folder of documents is none of them.  A name that is taken is that
// of a killed writer, and free again, if nobody holds its lock.
void AtomicFile::open_temporary() {
  const std::string name = path_.filename().string().substr(0, kMostName);
  for (int i = 0; i < kMostWriters; ++i)
    if (try_temporary(path_.parent_path() /
                      (i == 0 ? fmt::format(".{}.tmp", name) : fmt::format(".{}.{}.tmp", name, i))))
      return;
  fail("{}: {} unfinished files (.{}.*.tmp) are in the way: remove them", who(path_), kMostWriters, name);
}

bool AtomicFile::try_temporary(const fs::path& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  fd_ = ::open(path.c_str(), kFlags | O_EXCL, 0666);
  const bool created = fd_ >= 0;
  if (!created && errno == EEXIST) fd_ = ::open(path.c_str(), kFlags, 0666);
  if (fd_ < 0 && (errno == EACCES || errno == ELOOP) && ::access(path.c_str(), F_OK) == 0) return false;
  if (fd_ < 0) failed(path, "create");
  // A file system without locks leaves only the names that are new.
  const bool locked = ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
  const bool ours = locked || (created && errno != EWOULDBLOCK);
  // Between open() and flock() its writer may have renamed it, or given it up.
  struct stat opened {
  }, named{};
  if (ours && ::fstat(fd_, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && same_file(opened, named)) {
    temporary_ = path;
    if (!created && ::ftruncate(fd_, 0) != 0) failed(path, "empty");
    return true;
  }
  ::close(std::exchange(fd_, -1));
  return false;
}

void AtomicFile::hand_down(const struct stat& replaced) const {
  // Without the right to give files away it stays the writer's own.
  [[maybe_unused]] const int given = ::fchown(fd_, replaced.st_uid, replaced.st_gid);
  if (::fchmod(fd_, replaced.st_mode & 0777) != 0) failed(temporary_, "set the mode of the file it replaces");
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  if (fd_ >= 0) ::close(fd_);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) failed(temporary_.empty() ? path_ : temporary_, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

// Closed last: the lock ends with it, and until it has its name the file must stay ours.
void AtomicFile::commit() {
  if (!temporary_.empty()) {
    if (::fsync(fd_) != 0) failed(temporary_, "write to disk");
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      failed(path_, "rename the finished file to its name");
    temporary_.clear();
    sync_folder();
  }
  if (::close(std::exchange(fd_, -1)) != 0) failed(path_, "close");
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
