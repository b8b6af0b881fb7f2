// ChatML: SmolLM2 and the many models that took the format over.  The whole template must match; its default
// system message, if it has one, is read from it, and it may begin with the tokenizer's own first token
// (Hermes 2 and 3).  Its template knows no tools: they are offered and called as Qwen's are.
#include "chat/tool_families.h"

namespace dsa {
namespace {

constexpr std::string_view kBegin = "{{bos_token}}";
constexpr std::string_view kFor = "{%for message in messages%}";
constexpr std::string_view kDefaultBegin =
    "{%if loop.first and messages[0].role!='system'%}{{'<|im_start|>system\\n";
constexpr std::string_view kDefaultEnd = "<|im_end|>\\n'}}{%endif%}";
constexpr std::string_view kMessage =
    "{{'<|im_start|>'+message.role+'\\n'+message.content+'<|im_end|>'+'\\n'}}{%endfor%}";
constexpr std::string_view kPrompt = "{%if add_generation_prompt%}{{'<|im_start|>assistant\\n'}}{%endif%}";

}  // namespace

ChatFormat chatml(std::optional<std::string> default_system, BeginsWith begins) {
  ChatFormat::Spec spec;
  spec.name = "chatml";
  spec.stop_tokens = {"<|im_end|>", "<|endoftext|>"};
  spec.render = [system = std::move(default_system), begins](std::span<const ChatMessage> messages,
                                                             const ChatOptions& options) {
    PromptWriter out;
    if (begins == BeginsWith::bos) out.control(kBosToken);
    write_chatml(out, messages, options.tools, system);
    if (options.add_generation_prompt) begin_message(out, Role::assistant);
    return out.take();
  };
  spec.tool_parser = hermes_tools::parser;
  spec.calls = hermes_tools::syntax();
  return ChatFormat(std::move(spec));
}

std::optional<ChatFormat> match_chatml(const ChatTemplate& text, Difference& difference) {
  std::string_view rest = text.normal();
  const BeginsWith begins = rest.starts_with(kBegin) ? BeginsWith::bos : BeginsWith::nothing;
  if (begins == BeginsWith::bos) rest.remove_prefix(kBegin.size());
  const std::string plain = std::string(kFor).append(kMessage).append(kPrompt);
  std::optional<std::string> system;
  if (rest != plain) {
    system = text.between(kDefaultBegin, kDefaultEnd);
    const std::string whole = std::string(kFor)
                                  .append(kDefaultBegin)
                                  .append(system.value_or(""))
                                  .append(kDefaultEnd)
                                  .append(kMessage)
                                  .append(kPrompt);
    if (!system || rest != whole || system->find("'") != std::string::npos) {
      difference.share = 0;
      difference.text = "does more than print each message and an optional default system message";
      return std::nullopt;
    }
    system = ChatTemplate::unescape(*system);
  }
  return chatml(std::move(system), begins);
}

}  // namespace dsa
