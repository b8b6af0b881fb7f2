#include "base/present.h"

#include <system_error>

#include "base/who.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

bool is_absence(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

// Some systems report what is not there as an error too.
bool exists(const fs::path& path, fs::file_status (*look)(const fs::path&, std::error_code&)) {
  std::error_code error;
  const fs::file_status found = look(path, error);
  if (error && !is_absence(error)) fail("{}: cannot be looked at: {}", who(path), error.message());
  return fs::exists(found);
}

}  // namespace

bool present(const fs::path& path) {
  if (!exists(path, fs::symlink_status)) return false;
  if (exists(path, fs::status)) return true;
  std::error_code ignored;
  fail("{}: is a link to {}, which is not there: download it again", who(path),
       who(fs::read_symlink(path, ignored)));
}

}  // namespace dsa
