#include "engine/disk_keeper.h"

#include "base/error.h"
#include "engine/page_file.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

constexpr double kLookEvery = 5;         // seconds
constexpr std::int64_t kRoomShare = 16;  // a sixteenth of the limit is made free at once

std::error_code make_folder(const fs::path& folder) {
  std::error_code failed;
  if (fs::create_directories(folder, failed))
    fs::permissions(folder, fs::perms::owner_all, failed);  // what was asked is nobody else's business
  return failed;
}

}  // namespace

DiskKeeper::DiskKeeper(FileCalls& calls, Options options)
    : calls_(calls), options_(std::move(options)), folder_(model_folder(options_.cache, options_.root)) {}

std::error_code DiskKeeper::prepare() {
  for (const auto& folder : {options_.cache, folder_})
    if (const std::error_code failed = make_folder(folder)) return failed;
  try {
    describe_model(folder_, options_.model);
  } catch (const Error&) {  // pages that cannot be saved will say why
  }
  for (const auto& folder : model_folders(options_.cache)) sweep_unfinished(calls_, folder);
  look();
  return {};
}

std::error_code DiskKeeper::save(const PageName& name, std::span<const std::byte> bytes) {
  const fs::path path = page_path(folder_, name.key);
  std::error_code failed = save_page(calls_, path, name, bytes);
  if (failed == std::errc::no_such_file_or_directory) {  // somebody cleared the cache
    if (const std::error_code unprepared = prepare()) return unprepared;
    failed = save_page(calls_, path, name, bytes);
  }
  if (failed) return failed;
  if (looked_.seconds() > kLookEvery) look();
  add({.page = {.key = name.key,
                .before = name.before,
                .index = name.index,
                .bytes = static_cast<std::int64_t>(kPageHeaderBytes + bytes.size()),
                .uses = moment_now()},
       .folder = folder_});
  if (bytes_ > options_.limit_bytes) make_room();
  return {};
}

void DiskKeeper::add(const Kept& kept) {
  Kept& place = kept_[kept.page.key];
  bytes_ += kept.page.bytes - place.page.bytes;
  place = kept;
}

void DiskKeeper::look() {
  std::map<PageKey, Kept> before;
  before.swap(kept_);
  bytes_ = 0;
  const double now = moment_now();
  for (const auto& folder : model_folders(options_.cache))
    for (const PageOnDisk& found : pages_in(folder)) {
      Kept kept{.page = {.key = found.key, .bytes = found.bytes, .uses = believed(found.uses, now)},
                .folder = folder};
      PageLabel label;
      if (const auto known = before.find(found.key); known != before.end()) {
        kept.page.before = known->second.page.before;
        kept.page.index = known->second.page.index;
      } else if (const PageRead read = read_label(calls_, page_path(folder, found.key), label);
                 read == PageRead::damaged) {
        calls_.unlink(page_path(folder, found.key).c_str());
        ++damaged_;
        continue;
      } else if (read == PageRead::found && label.key == found.key) {
        kept.page.before = label.before;
        kept.page.index = label.index;
      }
      // One of another version is somebody's, and takes room: it stays until it is worth least.
      add(kept);
    }
  looked_.restart();
}

void DiskKeeper::make_room() {
  look();
  std::vector<KeptPage> pages;
  for (const auto& [key, kept] : kept_) pages.push_back(kept.page);
  if (bytes_ <= options_.limit_bytes) return;
  const std::int64_t most = options_.limit_bytes - options_.limit_bytes / kRoomShare;
  for (const std::size_t i : least_worth(pages, bytes_ - most)) {
    const auto at = kept_.find(pages[i].key);
    calls_.unlink(page_path(at->second.folder, at->first).c_str());
    bytes_ -= at->second.page.bytes;
    kept_.erase(at);
  }
}

}  // namespace dsa
