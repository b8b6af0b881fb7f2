// Any bytes as a page of the cache: found only as what was saved, byte for byte, and never by another name.
// If the first byte is odd the others get a checksum that holds, so that what is behind it is reached too.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "base/little_endian.h"
#include "engine/page_file.h"

namespace {

// A disk of one file.
class Memory final : public dsa::FileCalls {
 public:
  std::vector<std::byte> file;

  int open(const char*, int flags, mode_t) override {
    at_ = 0;
    if ((flags & O_CREAT) != 0) file.clear();
    return 1;
  }
  int fstat(int, struct stat& to) override {
    to.st_mode = S_IFREG;
    to.st_size = static_cast<off_t>(file.size());
    return 0;
  }
  ssize_t read(int, void* to, std::size_t bytes) override {
    const std::size_t n = std::min(bytes, file.size() - at_);
    if (n > 0) std::memcpy(to, file.data() + at_, n);
    at_ += n;
    return static_cast<ssize_t>(n);
  }
  ssize_t write(int, const void* from, std::size_t bytes) override {
    const auto* first = static_cast<const std::byte*>(from);
    file.insert(file.end(), first, first + bytes);
    return static_cast<ssize_t>(bytes);
  }
  int flock(int, int) override { return 0; }
  int close(int) override { return 0; }
  int rename(const char*, const char*) override { return 0; }
  int unlink(const char*) override { return 0; }

 private:
  std::size_t at_ = 0;
};

void mend_checksum(std::span<std::byte> file) {
  constexpr std::size_t kAt = dsa::kPageHeaderBytes - sizeof(dsa::Checksum::Value);
  dsa::Checksum sum;
  sum.add(file.first(kAt));
  sum.add(file.subspan(dsa::kPageHeaderBytes));
  std::ranges::copy(sum.value(), file.begin() + kAt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  Memory memory;
  if (!input.empty()) memory.file.assign(input.begin() + 1, input.end());
  const bool whole = memory.file.size() >= dsa::kPageHeaderBytes;
  if (whole && (data[0] & 1) != 0) mend_checksum(memory.file);

  // By the name that it gives itself.
  std::vector<std::byte> file = memory.file;
  file.resize(std::max(file.size(), dsa::kPageHeaderBytes));
  std::vector<std::int32_t> tokens;
  for (std::size_t i = 0; i < dsa::kPageTokens; ++i)
    tokens.push_back(dsa::from_little_endian<std::int32_t>(std::span(file).subspan(96 + 4 * i).first<4>()));
  dsa::PageName name{.index = dsa::from_little_endian<std::int64_t>(std::span(file).subspan(80).first<8>()),
                     .tokens = tokens};
  std::copy_n(file.begin() + 16, name.key.size(), name.key.begin());
  std::copy_n(file.begin() + 48, name.before.size(), name.before.begin());

  std::vector<std::byte> page(file.size() - dsa::kPageHeaderBytes);
  const bool found = dsa::read_page(memory, "page", name, page) == dsa::PageRead::found;
  DSA_CHECK(found == (dsa::verify_page(memory, "page", name.key) == dsa::PageRead::found));
  dsa::PageLabel label;
  const bool labelled = dsa::read_label(memory, "page", label) == dsa::PageRead::found;
  DSA_CHECK(!labelled || (label.key == name.key && label.before == name.before && label.index == name.index));
  if (!found) return 0;

  DSA_CHECK(labelled && std::ranges::equal(page, std::span(memory.file).subspan(dsa::kPageHeaderBytes)));
  ++tokens[0];
  DSA_CHECK(dsa::read_page(memory, "page", name, page) == dsa::PageRead::foreign);
  --tokens[0];
  file = memory.file;
  DSA_CHECK(!dsa::save_page(memory, "page", name, page) && memory.file == file);
  return 0;
}
