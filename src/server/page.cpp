#include "server/page.h"

#include <algorithm>
#include <array>

#include "server/errors.h"
#include "web/page_files.h"

namespace dsa::server {
namespace {

// Nothing comes from elsewhere, nothing that stands in the page itself runs or styles, and no text becomes
// markup: what a model writes can do none of it.
constexpr std::string_view kPolicy =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

struct Kind {
  std::string_view ending;
  std::string_view type;
};
constexpr std::array<Kind, 5> kKinds{{{".html", "text/html; charset=utf-8"},
                                      {".js", "text/javascript; charset=utf-8"},
                                      {".css", "text/css; charset=utf-8"},
                                      {".svg", "image/svg+xml"},
                                      {".woff2", "font/woff2"}}};

}  // namespace

HttpAnswer page_file(std::string_view name, const HttpRequest& request) {
  const auto files = web::page_files();
  const auto file = std::ranges::find(files, name, &web::PageFile::name);
  if (file == files.end())
    throw ApiError(404, "not_found", fmt::format("the page has no file \"{}\"", printable(name, 100)));
  const auto kind = std::ranges::find_if(kKinds, [&](const Kind& one) { return name.ends_with(one.ending); });
  DSA_CHECK(kind != kKinds.end());
  const std::string tag = fmt::format("\"{}\"", file->tag);
  // The browser keeps every file, and asks each time whether it still is the one.
  HttpAnswer answer{.type = std::string(kind->type),
                    .headers = {{"ETag", tag},
                                {"Cache-Control", "no-cache"},
                                {"Content-Security-Policy", std::string(kPolicy)},
                                {"X-Content-Type-Options", "nosniff"},
                                {"Referrer-Policy", "no-referrer"},
                                {"Cross-Origin-Opener-Policy", "same-origin"}}};
  if (request.header("If-None-Match").find(tag) != std::string_view::npos)
    answer.status = 304;
  else
    answer.body = file->bytes;
  return answer;
}

}  // namespace dsa::server
