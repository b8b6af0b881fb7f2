#include "checkpoint/safetensors_write.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void failed(const fs::path& path, const char* doing) {
  fail("{}: cannot {}: {}", printable(path.string(), 1000), doing, std::generic_category().message(errno));
}

// A file that exists under its final name only once all of it is on disk.
class AtomicFile {
 public:
  explicit AtomicFile(const fs::path& path) : path_(path), temporary_(path) {
    temporary_ += fmt::format(".{}.tmp", ::getpid());
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0) failed(temporary_, "create");
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!done_) ::unlink(temporary_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) failed(temporary_, "write");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  void commit() {
    if (::fsync(fd_) != 0) failed(temporary_, "write to disk");
    if (::close(std::exchange(fd_, -1)) != 0) failed(temporary_, "close");
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      failed(path_, "rename the finished file to its name");
    done_ = true;
    sync_folder();
  }

 private:
  // Without this a power cut can undo the rename.
  void sync_folder() const {
    const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) failed(folder, "open");
    const bool synced =
        ::fsync(fd) == 0 || errno == EINVAL;  // EINVAL: a file system that has nothing to sync
    ::close(fd);
    if (!synced) failed(folder, "write to disk");
  }

  fs::path path_, temporary_;
  int fd_ = -1;
  bool done_ = false;
};

std::string make_header(const std::vector<TensorToWrite>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  // Kept in the order of the data, as readers that stream expect.
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t at = 0;
  for (const auto& tensor : tensors) {
    header[tensor.name] = {{"dtype", dsa::name(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {at, at + tensor.bytes.size()}}};
    at += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  DSA_CHECK(text.size() <= kMaxSafetensorsHeader);
  return text;
}

void check(const TensorToWrite& tensor) {
  DSA_CHECK(!is_quantized_block(tensor.type));
  std::int64_t elements = 1;
  for (const auto dim : tensor.shape) elements *= dim;
  DSA_CHECK(storage_bytes(tensor.type, elements) == tensor.bytes.size());
}

}  // namespace

void write_safetensors(const fs::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::for_each(tensors.begin(), tensors.end(), check);
  std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    const auto size = [](const TensorToWrite& t) { return traits(t.type).block_bytes; };
    return size(a) != size(b) ? size(a) > size(b) : a.name < b.name;
  });
  const std::string header = make_header(tensors, metadata);
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i) & 0xFF);

  AtomicFile file(path);
  file.write(length);
  file.write(std::as_bytes(std::span(header)));
  for (const auto& tensor : tensors) file.write(tensor.bytes);
  file.commit();
}

}  // namespace dsa
