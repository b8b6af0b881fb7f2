#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace dsa {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

struct Descriptor {
  int fd;
  ~Descriptor() { ::close(fd); }
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  // O_NONBLOCK: opening a FIFO must not hang before fstat can refuse it.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) fail("{}: cannot open: {}", printable(path.string()), reason(errno));
  struct stat st {};
  if (::fstat(file.fd, &st) != 0) fail("{}: cannot stat: {}", printable(path.string()), reason(errno));
  if (!S_ISREG(st.st_mode))
    fail("{}: is a {}, expected a regular file", printable(path.string()),
         S_ISDIR(st.st_mode) ? "directory" : "FIFO, socket or device");
  identity_.emplace(st);
  size_ = static_cast<std::size_t>(st.st_size);
  if (size_ == 0) return;
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.fd, 0);
  if (data == MAP_FAILED) fail("{}: cannot map {} bytes: {}", printable(path.string()), size_, reason(errno));
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      identity_(other.identity_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(identity_, other.identity_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::drop_pages(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  // Whole pages only: the neighbours may be in use.
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(bytes.data()) % page) % page;
  if (bytes.size() < before + page) return;
  auto* first = const_cast<std::byte*>(bytes.data()) + before;
  ::madvise(first, (bytes.size() - before) / page * page, MADV_DONTNEED);
}

void install_sigbus_message() {
  struct sigaction action {};
  action.sa_handler = [](int) {
    static constexpr char kText[] =
        "dsa: a model file changed or could not be read while in use (SIGBUS): "
        "check the disk and start again\n";
    [[maybe_unused]] const auto written = ::write(2, kText, sizeof kText - 1);
    ::_exit(1);
  };
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace dsa
