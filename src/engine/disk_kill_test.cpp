// A process that keeps pages is killed, again and again: what it leaves is whole pages and nothing else.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <random>
#include <thread>

#include "engine/disk_store.h"
#include "engine/page_file.h"
#include "testing/page_case.h"
#include "testing/test_files.h"

#ifndef DSA_KILLS
#define DSA_KILLS 100
#endif

namespace dsa {
namespace {

namespace fs = std::filesystem;
using test::PageCase;

constexpr std::size_t kLargePage = 100'000;
constexpr int kPages = 40;

DiskOptions options(const fs::path& cache) {
  return {.cache = cache, .limit_bytes = kPages * kLargePage * 3 / 4, .root = {std::byte{1}}, .model = {}};
}

int unfinished_in(const fs::path& pages) {
  int files = 0;
  std::error_code none;  // killed before there was a folder
  for (fs::directory_iterator at(pages, none), end; !none && at != end; at.increment(none))
    files += at->path().extension() == ".tmp";
  return files;
}

// Offers pages until it is killed; once the first two are written it says so, again and again.
[[noreturn]] void keep_pages(const fs::path& cache, const std::deque<PageCase>& all, int started) {
  DiskStore store(options(cache));
  for (int i = 0;; i = (i + 1) % kPages) {
    const PageCase& page = all[static_cast<std::size_t>(i)];
    while (!store.offer(page.name, page.bytes)) store.flush();
    // Those that were there are written anew.
    if (i % 3 == 0) fs::remove(page_path(model_folder(cache, {std::byte{1}}), page.name.key));
    if (i != 1) continue;
    store.flush();
    if (::write(started, "x", 1) != 1) ::_exit(1);
  }
}

TEST(DiskKill, EveryPageIsWholeOrNotThereAndNoUnfinishedFileStays) {
  const TempFolder folder;
  const fs::path cache = folder.path() / "cache";
  const fs::path pages = model_folder(cache, {std::byte{1}});
  std::deque<PageCase> all;
  for (int i = 0; i < kPages; ++i) all.emplace_back(i, 0, kLargePage);
  std::mt19937 random(7);
  int found = 0, unfinished = 0;
  for (int kill = 0; kill < DSA_KILLS; ++kill) {
    int started[2];
    ASSERT_EQ(::pipe(started), 0);
    const pid_t child = ::fork();
    if (child == 0) keep_pages(cache, all, started[1]);
    char byte = 0;
    ::close(started[1]);
    ASSERT_EQ(::read(started[0], &byte, 1), 1);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ::close(started[0]);

    unfinished += unfinished_in(pages);
    for (const PageCase& page : all) {
      std::vector<std::byte> bytes(kLargePage);
      const PageRead read = read_page(file_calls(), page_path(pages, page.name.key), page.name, bytes);
      ASSERT_TRUE(read == PageRead::missing || (read == PageRead::found && bytes == page.bytes))
          << page.name.tokens[0];
      found += read == PageRead::found;
    }
    sweep_unfinished(file_calls(), pages);
    ASSERT_EQ(unfinished_in(pages), 0);
  }
  EXPECT_GE(found, DSA_KILLS);
  std::printf("%d pages found, %d unfinished files swept\n", found, unfinished);
}

}  // namespace
}  // namespace dsa
