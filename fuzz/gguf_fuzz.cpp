// Any bytes as a GGUF: an Error, or metadata and tensors that lie inside the file.
#include <spdlog/spdlog.h>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_vocabulary.h"

namespace {

void check_inside(std::span<const std::byte> part, std::span<const std::byte> file) {
  DSA_CHECK(part.empty() ||
            (part.data() >= file.data() && part.data() + part.size() <= file.data() + file.size()));
}

// Reads every value through the accessor of its type.
void read_all(const dsa::GgufFile& file) {
  std::size_t total = 0;
  for (const auto& [key, value] : file.entries()) {
    if (value.type == dsa::GgufType::string) total += file.get_string(key).size();
    if (value.type == dsa::GgufType::boolean) total += file.get_bool(key) ? 1 : 0;
    if (value.type != dsa::GgufType::array) continue;
    if (value.element == dsa::GgufType::string)
      for (const auto text : file.get_strings(key))
        total += text.empty() ? 0 : static_cast<std::size_t>(text.back());
    if (value.element == dsa::GgufType::f32) total += file.get_f32s(key).size();
  }
  [[maybe_unused]] volatile std::size_t sink = total;
}

template <class F>
void expect_error_or_nothing(F&& f) {
  try {
    f();
  } catch (const dsa::Error& error) {
    const std::string_view text = error.what();
    DSA_CHECK(text.starts_with("fuzz.gguf: ") && text.size() < 2000);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spdlog::set_level(spdlog::level::off);  // one warning a run would be most of the output
  const auto bytes = std::as_bytes(std::span(data, size));
  expect_error_or_nothing([&] {
    const dsa::GgufFile file(bytes, "fuzz.gguf");
    std::size_t total = 0;
    for (const auto& entry : file.entries()) check_inside(entry.value.bytes, bytes);
    for (const auto& tensor : file.tensors()) {
      check_inside(tensor.bytes, bytes);
      total += tensor.bytes.size();
    }
    DSA_CHECK(total <= size);  // no two tensors share a byte
    read_all(file);
    expect_error_or_nothing([&] { (void)dsa::read_gguf_vocabulary(file); });
    expect_error_or_nothing([&] { (void)dsa::read_gguf_config(file); });
  });
  return 0;
}
