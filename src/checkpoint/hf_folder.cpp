#include "checkpoint/hf_folder.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/present.h"
#include "base/who.h"
#include "checkpoint/safetensors.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kSingle = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr std::size_t kMaxShards = 10'000;

// The tensors of one or many files.  Lookups search a sorted list: a hostile file cannot make them quadratic.
class SafetensorsSource final : public TensorSource {
 public:
  explicit SafetensorsSource(std::vector<std::unique_ptr<SafetensorsFile>> files) : files_(std::move(files)) {
    for (const auto& file : files_)
      for (const auto& tensor : file->tensors()) by_name_.push_back(&tensor);
    std::sort(by_name_.begin(), by_name_.end(),
              [](const NamedTensor* a, const NamedTensor* b) { return a->name < b->name; });
    const auto twice = std::adjacent_find(by_name_.begin(), by_name_.end(),
                                          [](const auto* a, const auto* b) { return a->name == b->name; });
    if (twice != by_name_.end())
      fail("{}: tensor {} is also in {}: only one of them can be right", twice[1]->tensor.file,
           printable(twice[0]->name), twice[0]->tensor.file);
  }

  const StoredTensor* find(std::string_view name) const override {
    const auto it = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                     [](const NamedTensor* a, std::string_view b) { return a->name < b; });
    return it != by_name_.end() && (*it)->name == name ? &(*it)->tensor : nullptr;
  }

  void for_each(const std::function<void(std::string_view, const StoredTensor&)>& visit) const override {
    for (const auto& file : files_)
      for (const auto& tensor : file->tensors()) visit(tensor.name, tensor.tensor);
  }

  std::vector<std::string> changed_files() const override {
    std::vector<std::string> changed;
    for (const auto& file : files_)
      if (file->file().changed()) changed.push_back(file->who());
    return changed;
  }

 private:
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<const NamedTensor*> by_name_;
};

// A shard is a plain file name in the same folder: never a path, a URL or a name with something hidden in it.
bool is_shard_name(const std::string& name) {
  return !name.empty() && name.size() <= 255 && name[0] != '.' && name.find('/') == std::string::npos &&
         name.find('\\') == std::string::npos && name.find('\0') == std::string::npos &&
         name.ends_with(".safetensors");
}

struct Index {
  std::string who;
  std::map<std::string, std::string, std::less<>> shard_of;  // tensor -> file name
  json total_size;                                           // null if absent
};

Index read_index(const fs::path& path) {
  Index index{.who = dsa::who(path), .shard_of = {}, .total_size = {}};
  const MappedFile file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  json root = parse_json(text, index.who,
                         {.max_bytes = std::size_t{128} << 20, .max_depth = 8, .max_values = 2'000'000});
  if (!root.is_object() || !root.contains("weight_map") || !root["weight_map"].is_object())
    fail("{}: expected an object with a weight_map from tensor names to file names", index.who);
  for (const auto& [name, shard] : root["weight_map"].items()) {
    if (!shard.is_string() || !is_shard_name(shard.get_ref<const std::string&>()))
      fail("{}: tensor {} is said to be in {}, expected the plain name of a .safetensors file in this folder",
           index.who, printable(name), printable(json_text(shard)));
    index.shard_of.emplace(name, shard.get<std::string>());
  }
  if (index.shard_of.empty()) fail("{}: weight_map is empty", index.who);
  if (root.contains("metadata") && root["metadata"].is_object())
    index.total_size = root["metadata"].value("total_size", json());
  return index;
}

void check_against_index(const SafetensorsFile& file, const std::string& shard, const Index& index,
                         std::size_t expected) {
  for (const auto& tensor : file.tensors()) {
    const auto it = index.shard_of.find(tensor.name);
    if (it == index.shard_of.end())
      fail("{}: holds tensor {}, which {} does not list", file.who(), printable(tensor.name), index.who);
    if (it->second != shard)
      fail("{}: holds tensor {}, which {} places in {}", file.who(), printable(tensor.name), index.who,
           it->second);
  }
  if (file.tensors().size() == expected) return;
  std::set<std::string_view> held;
  for (const auto& tensor : file.tensors()) held.insert(tensor.name);
  for (const auto& [name, where] : index.shard_of)
    if (where == shard && !held.contains(name))
      fail("{}: tensor {} is missing; {} places it here", file.who(), printable(name), index.who);
}

std::unique_ptr<TensorSource> open_shards(const fs::path& folder) {
  const Index index = read_index(folder / kIndex);
  std::map<std::string, std::size_t> shards;  // file name -> tensors the index places in it
  for (const auto& [name, shard] : index.shard_of) ++shards[shard];
  if (shards.size() > kMaxShards)
    fail("{}: names {} shards, at most {} are accepted", index.who, shards.size(), kMaxShards);
  for (const auto& [shard, count] : shards)
    if (!present(folder / shard))
      fail("{}: shard {} is missing (of {}): download the rest of the model", index.who, printable(shard),
           shards.size());

  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::uint64_t total = 0;
  for (const auto& [shard, count] : shards) {
    files.push_back(std::make_unique<SafetensorsFile>(folder / shard));
    check_against_index(*files.back(), shard, index, count);
    for (const auto& tensor : files.back()->tensors()) total += tensor.tensor.bytes.size();
  }
  if (!index.total_size.is_null() && index.total_size != total)
    warn("{}: total_size is {}, the shards hold {} bytes of tensors", index.who,
         printable(json_text(index.total_size), 40), total);
  return std::make_unique<SafetensorsSource>(std::move(files));
}

// Pickle can run code while it is read: such weights are never opened, whatever else is missing.
[[noreturn]] void refuse(const fs::path& folder) {
  const std::string who = dsa::who(folder);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".bin" || extension == ".pt" || extension == ".pth" || extension == ".ckpt")
      fail("{}: has no {}, and {} is not read: pickle files can run code. Convert the model to safetensors",
           who, kSingle, printable(entry.path().filename().string()));
  }
  fail("{}: has neither {} nor {}", who, kSingle, kIndex);
}

}  // namespace

std::unique_ptr<TensorSource> tensors_of(std::unique_ptr<SafetensorsFile> file) {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  files.push_back(std::move(file));
  return std::make_unique<SafetensorsSource>(std::move(files));
}

std::unique_ptr<TensorSource> open_safetensors(const fs::path& path) {
  return tensors_of(std::make_unique<SafetensorsFile>(path));
}

std::unique_ptr<TensorSource> open_hf_tensors(const fs::path& folder) {
  const bool indexed = present(folder / kIndex);
  if (present(folder / kSingle)) {
    if (indexed)
      warn("{}: {} is read, and the shards that {} names beside it are passed over: remove one of the two",
           dsa::who(folder), kSingle, kIndex);
    return open_safetensors(folder / kSingle);
  }
  if (indexed) return open_shards(folder);
  refuse(folder);
}

}  // namespace dsa
