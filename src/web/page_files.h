// The files of the page, as a browser is sent them.
#pragma once

#include <span>
#include <string_view>

namespace dsa::web {

struct PageFile {
  std::string_view name;  // "app.js", "fonts/KaTeX_Main-Regular.woff2"
  std::string_view tag;   // hexadecimal digits: others as soon as a byte is another
  std::string_view bytes;
};

/// The files of this folder, and those of the libraries that CMakeLists.txt names; embed.cmake writes it.
std::span<const PageFile> page_files();

}  // namespace dsa::web
