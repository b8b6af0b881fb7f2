// The letter tasks' model as a chat model with grouped queries: ChatML, an indexer in its folder, top-k 4.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "checkpoint/fingerprint.h"
#include "checkpoint/indexer_folder.h"
#include "testing/letter_tasks.h"
#include "train/sparse/publish.h"
#include "train/warmup/publish.h"

namespace dsa::test {

inline constexpr const char* kChatMl =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% endif %}";

inline TokenizerSpec chatml_tokenizer_spec() {
  TokenizerSpec spec = chat_tokenizer_spec();
  set_chat_template(kChatMl, "test", spec);
  return spec;
}

struct GqaLetterModel {
  static constexpr const char* kConfig = R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"],
    "vocab_size": 260, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    "rope_theta": 100, "hidden_act": "silu", "tie_word_embeddings": true})";

  TempFolder folder;
  Tokenizer tokenizer{chatml_tokenizer_spec()};
  Exec exec{1};
  ModelFiles base;
  rl::DomainShare domains[1] = {{.domain = &kLetters}};

  GqaLetterModel() {
    folder.write("config.json", kConfig);
    folder.write("tokenizer.json", "{}");  // copied, never read
    std::vector<train::FlatTensors::Entry> entries{{.name = "model.embed_tokens.weight", .shape = {260, 32}},
                                                   {.name = "model.norm.weight", .shape = {32}}};
    for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
      const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
        entries.push_back({.name = std::string(layer) + name + ".weight", .shape = std::move(shape)});
      };
      add("input_layernorm", {32});
      add("post_attention_layernorm", {32});
      add("self_attn.q_proj", {32, 32});
      add("self_attn.k_proj", {16, 32});
      add("self_attn.v_proj", {16, 32});
      add("self_attn.o_proj", {32, 32});
      add("mlp.gate_proj", {48, 32});
      add("mlp.up_proj", {48, 32});
      add("mlp.down_proj", {32, 48});
    }
    train::FlatTensors weights(std::move(entries));
    train::RoundedTensors tensors(train::RoundedTensors::Vectors::bf16);
    for (const auto& entry : weights.entries()) {
      const CounterRng rng(4, static_cast<std::uint64_t>(entry.first));
      const auto values = weights.of(entry);
      // The head is the embedding, which LoRA leaves alone: large enough to be sure of a token.
      const double size = std::sqrt((entry.name == "model.embed_tokens.weight" ? 27.0 : 3.0) /
                                    static_cast<double>(entry.shape.back()));
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = entry.shape.size() == 1 ? 1.0F : static_cast<float>(size * (2 * rng.unit(i) - 1));
      tensors.add(entry.name, entry.shape, values);
    }
    write_safetensors(folder.path() / "model.safetensors", tensors.list(), {{"format", "pt"}});
    const ModelFiles written = open_model(folder.path());
    train::IndexerTensors indexer(
        {.layers = 2, .hidden = 32, .heads = 2, .dim = 16, .rope_dim = 8, .k_norm_eps = 1e-6});
    train::initialize(indexer, 1);
    std::filesystem::create_directory(folder.path() / kOwnIndexerFolder);
    train::write_indexer(folder.path() / kOwnIndexerFolder,
                         {.model = written.config,
                          .fingerprint = fingerprint(*written.tensors, written.config),
                          .topk = 4,
                          .trained_context = 64,
                          .parameters = indexer});
    base = open_model(folder.path());
  }
  [[nodiscard]] rl::TrainingContext context(const std::filesystem::path& out) {
    return {.base = base, .tokenizer = tokenizer, .exec = exec, .domains = domains, .folder = out};
  }
};

}  // namespace dsa::test
