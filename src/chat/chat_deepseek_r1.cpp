// DeepSeek-R1's distillations (Llama and Qwen): every answer begins in its reasoning, which the template
// opens (the first releases left that to the model).  llama.cpp's copy has a switch for thinking.
#include "chat/chat_families.h"

#include "base/error.h"
#include "chat/deepseek_marks.h"

namespace dsa {
namespace {

using namespace deepseek;

std::vector<Segment> render(R1Prompt style, std::span<const ChatMessage> messages,
                            const ChatOptions& options) {
  PromptWriter out;
  out.control(kBos);
  std::string_view system;
  for (const ChatMessage& m : messages)
    if (m.role == Role::system) system = m.content;
  out.text(system);
  for (const ChatMessage& m : messages) {
    if (m.role == Role::user) out.control(kUser).text(m.content);
    if (m.role == Role::assistant) out.control(kAssistant).text(after_reasoning(m.content)).control(kEos);
  }
  if (!options.add_generation_prompt) return out.take();
  out.control(kAssistant);
  const bool thinking = options.thinking == Thinking::on;
  if (!thinking || style != R1Prompt::bare) out.control(kThink).text("\n");
  if (!thinking) out.control(kEndThink);
  return out.take();
}

const std::vector<std::string_view> kFragments{
    "{%if message.role=='system'%}{%set ns.system_prompt=message.content%}{%endif%}{%endfor%}"
    "{{bos_token}}{{ns.system_prompt}}{%for message in messages%}"
    "{%if message.role=='user'%}{%set ns.is_tool=false%}{{'<｜User｜>'+message.content}}{%endif%}",
    "{%if message.role=='assistant'and message.content is not none%}"
    "{%if ns.is_tool%}{{'<｜tool▁outputs▁end｜>'+message.content+'<｜end▁of▁sentence｜>'}}"
    "{%set ns.is_tool=false%}{%else%}{%set content=message.content%}"
    "{%if'</think>'in content%}{%set content=content.split('</think>')[-1]%}{%endif%}"
    "{{'<｜Assistant｜>'+content+'<｜end▁of▁sentence｜>'}}{%endif%}{%endif%}",
};

constexpr std::string_view kTail =
    "{%endfor%}{%if ns.is_tool%}{{'<｜tool▁outputs▁end｜>'}}{%endif%}"
    "{%if add_generation_prompt and not ns.is_tool%}";

}  // namespace

ChatFormat deepseek_r1(R1Prompt style) {
  ChatFormat::Spec spec;
  spec.name = "deepseek-r1";
  spec.stop_tokens = {std::string(kEos)};
  spec.reasoning = ReasoningMarks{std::string(kThink), std::string(kEndThink)};
  spec.can_think = true;
  spec.thinking_by_default = style != R1Prompt::switched;
  spec.render = [style](std::span<const ChatMessage> messages, const ChatOptions& options) {
    return render(style, messages, options);
  };
  return ChatFormat(std::move(spec));
}

std::optional<ChatFormat> match_deepseek_r1(const ChatTemplate& text, Difference& difference) {
  if (!has_all(text, kFragments, difference)) return std::nullopt;
  const auto ends = [&](std::string_view prompt) {
    return text.ends_with(std::string(kTail).append(prompt).append("{%endif%}"));
  };
  if (ends("{{'<｜Assistant｜><think>\\n'}}")) return deepseek_r1(R1Prompt::open);
  if (ends("{{'<｜Assistant｜>'}}")) return deepseek_r1(R1Prompt::bare);
  if (ends("{{'<｜Assistant｜><think>\\n'}}{%if not enable_thinking%}{{'</think>'}}{%endif%}"))
    return deepseek_r1(R1Prompt::switched);
  difference.text = "ends otherwise than R1's";
  return std::nullopt;
}

}  // namespace dsa
