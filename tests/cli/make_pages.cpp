// make_pages CACHE MODEL ROOT SEQUENCE COUNT BYTES: pages of a made-up text in a cache folder, as if MODEL
// had read it.  ROOT, 0 to 255, is the first byte of the key that they begin with.
#include <cstdio>
#include <cstdlib>

#include "engine/disk_keeper.h"
#include "testing/page_case.h"

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: %s CACHE MODEL ROOT SEQUENCE COUNT BYTES\n", argv[0]);
    return 2;
  }
  dsa::DiskKeeper keeper(dsa::file_calls(), {.cache = argv[1],
                                             .limit_bytes = std::int64_t{1} << 30,
                                             .root = {static_cast<std::byte>(std::atoi(argv[3]))},
                                             .model = {.model = argv[2], .weights = "abc"}});
  if (keeper.prepare()) return 1;
  for (std::int64_t i = 0; i < std::atoll(argv[5]); ++i) {
    const dsa::test::PageCase page(std::atoll(argv[4]), i, static_cast<std::size_t>(std::atoll(argv[6])));
    if (keeper.save(page.name, page.bytes)) return 1;
  }
  return 0;
}
