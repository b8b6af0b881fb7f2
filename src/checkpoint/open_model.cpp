#include "checkpoint/open_model.h"

#include <string_view>

#include "base/error.h"
#include "base/lfs_pointer.h"
#include "base/mapped_file.h"
#include "base/present.h"
#include "base/who.h"
#include "checkpoint/gguf_model.h"
#include "checkpoint/hf_model.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWhatAModelIs =
    "a model is a Hugging Face folder (config.json and safetensors files) or a .gguf file";

bool has_gguf_magic(const fs::path& path) {
  const MappedFile file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  refuse_lfs_pointer(text, dsa::who(path));
  return text.starts_with("GGUF");
}

}  // namespace

ModelFiles open_model(const fs::path& path) {
  const std::string who = dsa::who(path);
  if (!present(path)) fail("{}: there is no such file or folder; {}", who, kWhatAModelIs);
  const fs::file_status status = fs::status(path);
  if (fs::is_directory(status)) {
    if (!present(path / "config.json")) fail("{}: this folder has no config.json; {}", who, kWhatAModelIs);
    return open_hf_model(path);
  }
  if (!fs::is_regular_file(status)) fail("{}: is neither a file nor a folder; {}", who, kWhatAModelIs);
  if (has_gguf_magic(path)) return open_gguf_model(path);
  if (path.extension() == ".safetensors")
    fail("{}: is one file of weights; give the folder that holds it and its config.json", who);
  fail("{}: is not a GGUF file; {}", who, kWhatAModelIs);
}

}  // namespace dsa
