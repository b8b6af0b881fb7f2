#include "checkpoint/open_model.h"

#include <array>
#include <fstream>

#include "base/error.h"
#include "base/who.h"
#include "checkpoint/gguf_model.h"
#include "checkpoint/hf_model.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWhatAModelIs =
    "a model is a Hugging Face folder (config.json and safetensors files) or a .gguf file";

bool has_gguf_magic(const fs::path& file) {
  std::array<char, 4> magic{};
  std::ifstream(file, std::ios::binary).read(magic.data(), magic.size());
  return std::string_view(magic.data(), magic.size()) == "GGUF";
}

}  // namespace

ModelFiles open_model(const fs::path& path) {
  const std::string who = dsa::who(path);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    fail("{}: there is no such file or folder; {}", who, kWhatAModelIs);
  if (error) fail("{}: cannot be looked at: {}", who, error.message());
  if (fs::is_directory(status)) {
    if (!fs::exists(path / "config.json", error))
      fail("{}: this folder has no config.json; {}", who, kWhatAModelIs);
    return open_hf_model(path);
  }
  if (!fs::is_regular_file(status)) fail("{}: is neither a file nor a folder; {}", who, kWhatAModelIs);
  if (has_gguf_magic(path)) return open_gguf_model(path);
  if (path.extension() == ".safetensors")
    fail("{}: is one file of weights; give the folder that holds it and its config.json", who);
  fail("{}: is not a GGUF file; {}", who, kWhatAModelIs);
}

}  // namespace dsa
