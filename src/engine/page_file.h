// A page of the cache as a file of its own.
//
//   bytes    little-endian
//   8        "dsapage\n"
//   4        version, kPageVersion
//   4        tokens, kPageTokens
//   32, 32   key; key of the page before it
//   8        index of the page in its sequence
//   8        bytes of the page
//   4 x 64   token ids
//   16       checksum (base/checksum.h) over all before it and the page
//            the page (KvCache::save_page)
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>

#include "engine/file_calls.h"
#include "engine/page_store.h"
#include "kernels/types.h"

namespace dsa {

inline constexpr std::size_t kPageHeaderBytes = 368;

enum class PageRead : std::uint8_t {
  found,
  missing,  // there is no such file
  damaged,  // cut short, or its checksum does not hold
  foreign,  // whole, or at least no page of this version, but not what was asked for
  failed,   // the disk or a right: the file may be good
};

/// Writes the page to a file of another name in the same folder, which then takes `path`'s name at once:
/// whoever reads `path` meanwhile, or after a kill at any moment, finds the file that was there, the new one,
/// or none.  Readable by its owner alone: a page gives away what was asked.
///
/// There is no fsync.  It would cost a flush of the disk a page, and what it guards against, a file that has
/// its name before its bytes when the power goes, the checksum finds: a page lost is a page computed again.
///
/// Returns why it failed; then nothing is left behind.
std::error_code save_page(FileCalls& calls, const std::filesystem::path& path, const PageName& name,
                          std::span<const std::byte> bytes);

/// Found only if the file is whole and all that `name` says is true of it.  `to` holds anything if not.
PageRead read_page(FileCalls& calls, const std::filesystem::path& path, const PageName& name,
                   std::span<std::byte> to);

/// What a file says of itself, as far as its own length and version can tell: not checked further.
struct PageLabel {
  PageKey key = {};
  PageKey before = {};
  std::int64_t index = 0;
};
PageRead read_label(FileCalls& calls, const std::filesystem::path& path, PageLabel& to);

/// Reads all of it: found only if it is whole and of that key.
PageRead verify_page(FileCalls& calls, const std::filesystem::path& path, const PageKey& key);

/// Removes the unfinished files of a folder whose writers are gone: what a kill in save_page() leaves.
void sweep_unfinished(FileCalls& calls, const std::filesystem::path& folder);

}  // namespace dsa
