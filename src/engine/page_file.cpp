#include "engine/page_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "base/little_endian.h"
#include "base/numeric.h"
#include "engine/prefix_key.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "dsapage\n";
constexpr std::size_t kChecksumAt = kPageHeaderBytes - sizeof(Checksum::Value);
constexpr std::size_t kVersionAt = 8, kCountAt = 12, kKeyAt = 16, kBeforeAt = 48, kIndexAt = 80,
                      kBytesAt = 88, kTokensAt = 96;
static_assert(kTokensAt + kPageTokens * sizeof(std::int32_t) == kChecksumAt);
constexpr std::string_view kUnfinished = ".tmp";
constexpr int kMostNames = 100;  // that a killed writer of the same number may have left

using Header = std::array<std::byte, kPageHeaderBytes>;

class Writer {
 public:
  explicit Writer(std::span<std::byte> to) : to_(to) {}
  void bytes(std::span<const std::byte> from) {
    std::ranges::copy(from, to_.begin());
    to_ = to_.subspan(from.size());
  }
  template <class T>
  void number(T value) {
    bytes(little_endian(value));
  }

 private:
  std::span<std::byte> to_;
};

// All but the checksum.
Header header_of(const PageName& name, std::size_t bytes) {
  DSA_CHECK(name.tokens.size() == usize(kPageTokens));
  Header header{};
  Writer to(header);
  to.bytes(std::as_bytes(std::span(kMagic)));
  to.number(kPageVersion);
  to.number(static_cast<std::uint32_t>(kPageTokens));
  to.bytes(name.key);
  to.bytes(name.before);
  to.number(name.index);
  to.number(std::uint64_t{bytes});
  for (const std::int32_t token : name.tokens) to.number(token);
  return header;
}

Checksum checksum_of(const Header& header) {
  Checksum sum;
  sum.add(std::span(header).first<kChecksumAt>());
  return sum;
}

bool holds(const Checksum& sum, const Header& header) {
  return std::ranges::equal(sum.value(), std::span(header).subspan<kChecksumAt>());
}

template <class T>
T number_at(const Header& header, std::size_t at) {
  return from_little_endian<T>(std::span(header).subspan(at).template first<sizeof(T)>());
}

PageKey key_at(const Header& header, std::size_t at) {
  PageKey key;
  std::ranges::copy(std::span(header).subspan(at, key.size()), key.begin());
  return key;
}

std::error_code last_error() { return {errno, std::generic_category()}; }

// An open file, closed at the end.
class OpenFile {
 public:
  OpenFile(FileCalls& calls, const fs::path& path, int flags) : calls_(calls) {
    flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    do {
      fd_ = calls.open(path.c_str(), flags, 0600);
      if (fd_ < 0 && errno == EPERM && (flags & O_NOATIME) != 0) {  // another user's file
        flags &= ~O_NOATIME;
        errno = EINTR;
      }
    } while (fd_ < 0 && errno == EINTR);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { close(); }

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }

  bool write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = calls_.write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n == 0) errno = EIO;
      if (n <= 0) return false;
      bytes = bytes.subspan(usize(n));
    }
    return true;
  }
  // How many bytes there were, fewer than asked for at the end of the file; nullopt if it cannot be read.
  [[nodiscard]] std::optional<std::size_t> read(std::span<std::byte> to) const {
    std::size_t done = 0;
    while (done < to.size()) {
      const ssize_t n = calls_.read(fd_, to.data() + done, to.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return std::nullopt;
      if (n == 0) break;
      done += usize(n);
    }
    return done;
  }
  bool close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || calls_.close(fd) == 0;
  }

 private:
  FileCalls& calls_;
  int fd_ = -1;
};

// `found`: `to` was filled.
PageRead fill(const OpenFile& file, std::span<std::byte> to) {
  const auto n = file.read(to);
  if (!n) return PageRead::failed;
  return *n == to.size() ? PageRead::found : PageRead::damaged;
}

// `found`: a page of this version, as long as it says.
PageRead read_header(FileCalls& calls, const OpenFile& file, Header& header) {
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) return PageRead::missing;
    return errno == ELOOP || errno == ENXIO ? PageRead::foreign : PageRead::failed;
  }
  struct stat about {};
  if (calls.fstat(file.fd(), about) != 0) return PageRead::failed;
  if (!S_ISREG(about.st_mode)) return PageRead::foreign;
  if (const PageRead read = fill(file, header); read != PageRead::found) return read;
  if (!std::ranges::equal(std::span(header).first(kMagic.size()), std::as_bytes(std::span(kMagic))) ||
      number_at<std::uint32_t>(header, kVersionAt) != kPageVersion ||
      number_at<std::uint32_t>(header, kCountAt) != kPageTokens)
    return PageRead::foreign;
  const std::uint64_t size = usize(about.st_size);
  return size >= kPageHeaderBytes && number_at<std::uint64_t>(header, kBytesAt) == size - kPageHeaderBytes
             ? PageRead::found
             : PageRead::damaged;
}

fs::path unfinished(const fs::path& path) {
  static std::atomic<std::uint32_t> count{0};
  return path.parent_path() /
         fmt::format(".{}.{}.{}{}", path.filename().string(), ::getpid(), ++count, kUnfinished);
}

// Closed last: until the file has its name, its lock keeps others from sweeping it.
std::error_code fill_and_name(FileCalls& calls, OpenFile& file, const fs::path& named, const fs::path& path,
                              const Header& header, std::span<const std::byte> bytes) {
  // A file system without locks: nobody can sweep there.
  if (calls.flock(file.fd(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return last_error();
  const bool done = file.write(header) && file.write(bytes) &&
                    calls.rename(named.c_str(), path.c_str()) == 0 && file.close();
  return done ? std::error_code() : last_error();
}

}  // namespace

std::error_code save_page(FileCalls& calls, const fs::path& path, const PageName& name,
                          std::span<const std::byte> bytes) {
  Header header = header_of(name, bytes.size());
  Checksum sum = checksum_of(header);
  sum.add(bytes);
  std::ranges::copy(sum.value(), header.begin() + kChecksumAt);
  for (int i = 0; i < kMostNames; ++i) {
    const fs::path named = unfinished(path);
    OpenFile file(calls, named, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.is_open() && errno == EEXIST) continue;
    if (!file.is_open()) return last_error();
    const std::error_code failed = fill_and_name(calls, file, named, path, header, bytes);
    if (failed) calls.unlink(named.c_str());
    return failed;
  }
  return std::make_error_code(std::errc::file_exists);
}

PageRead read_page(FileCalls& calls, const fs::path& path, const PageName& name, std::span<std::byte> to) {
  const OpenFile file(calls, path, O_RDONLY | O_NOATIME);
  Header header{};
  if (const PageRead read = read_header(calls, file, header); read != PageRead::found) return read;
  if (number_at<std::uint64_t>(header, kBytesAt) != to.size()) return PageRead::foreign;
  if (const PageRead read = fill(file, to); read != PageRead::found) return read;
  Checksum sum = checksum_of(header);
  sum.add(to);
  if (!holds(sum, header)) return PageRead::damaged;
  const Header expected = header_of(name, to.size());
  return std::ranges::equal(std::span(header).first<kChecksumAt>(), std::span(expected).first<kChecksumAt>())
             ? PageRead::found
             : PageRead::foreign;
}

PageRead read_label(FileCalls& calls, const fs::path& path, PageLabel& to) {
  const OpenFile file(calls, path, O_RDONLY | O_NOATIME);
  Header header{};
  const PageRead read = read_header(calls, file, header);
  if (read == PageRead::found)
    to = {.key = key_at(header, kKeyAt),
          .before = key_at(header, kBeforeAt),
          .index = number_at<std::int64_t>(header, kIndexAt)};
  return read;
}

PageRead verify_page(FileCalls& calls, const fs::path& path, const PageKey& key) {
  const OpenFile file(calls, path, O_RDONLY | O_NOATIME);
  Header header{};
  if (const PageRead read = read_header(calls, file, header); read != PageRead::found) return read;
  Checksum sum = checksum_of(header);
  std::vector<std::byte> piece(std::size_t{1} << 20);
  for (std::uint64_t left = number_at<std::uint64_t>(header, kBytesAt); left > 0;) {
    const auto part = std::span(piece).first(std::min<std::uint64_t>(left, piece.size()));
    if (const PageRead read = fill(file, part); read != PageRead::found) return read;
    sum.add(part);
    left -= part.size();
  }
  if (!holds(sum, header)) return PageRead::damaged;
  return key_at(header, kKeyAt) == key ? PageRead::found : PageRead::foreign;
}

void sweep_unfinished(FileCalls& calls, const fs::path& folder) {
  std::error_code none;
  for (fs::directory_iterator at(folder, none), end; !none && at != end; at.increment(none)) {
    if (at->path().extension() != kUnfinished) continue;
    const OpenFile file(calls, at->path(), O_WRONLY);
    if (file.is_open() && calls.flock(file.fd(), LOCK_EX | LOCK_NB) == 0) calls.unlink(at->path().c_str());
  }
}

}  // namespace dsa
