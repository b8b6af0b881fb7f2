#include "tensor/buffer.h"

#include <sys/mman.h>

#include "base/error.h"

namespace dsa {
namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

// Anonymous mappings rather than new[]: zeroed lazily by the kernel, so an unused cache costs no memory, and
// returned to the system at once.
Buffer::Buffer(std::size_t bytes, const char* what) : size_(bytes) {
  if (bytes == 0) return;
  void* data =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) fail("not enough memory for {}: {} bytes wanted", what, bytes);
  if (bytes >= kHugePage) ::madvise(data, bytes, MADV_HUGEPAGE);
  data_ = {static_cast<std::byte*>(data), Unmap{bytes}};
}

void Buffer::Unmap::operator()(std::byte* data) const {
  if (data != nullptr) ::munmap(data, size);
}

}  // namespace dsa
