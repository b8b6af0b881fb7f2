// DeepSeek-V3.1 (also V3.1-Terminus and V3.2-Exp) by its Jinja template, DeepSeek-V3.2 by the encoding its
// repository gives as Python (encoding/encoding_dsv32.py), and two templates of llama.cpp that open an empty
// <think> where the official ones do not.  (docs/checkpoints.md, "Prompt formats")
#include "chat/chat_families.h"

namespace dsa {
namespace {

constexpr std::string_view kBos = "<｜begin▁of▁sentence｜>";
constexpr std::string_view kEos = "<｜end▁of▁sentence｜>";
constexpr std::string_view kUser = "<｜User｜>";
constexpr std::string_view kAssistant = "<｜Assistant｜>";
constexpr std::string_view kThink = "<think>";
constexpr std::string_view kEndThink = "</think>";

struct Style {
  // A prompt without thinking ends with <think></think>, not with </think> alone.
  bool open_in_prompt = false;
  bool open_in_history = false;      // so does the head of an earlier answer
  bool keep_last_reasoning = false;  // V3.2: an answer behind the last question keeps its reasoning
};

void no_reasoning(PromptWriter& out, bool open) {
  if (open) out.control(kThink);
  out.control(kEndThink);
}

// V3.1 takes an answer's own reasoning away, up to the first </think>.
std::string_view without_reasoning(std::string_view content) {
  const std::size_t end = content.find(kEndThink);
  return end == std::string_view::npos ? content : content.substr(end + kEndThink.size());
}

std::vector<Segment> render_template(const Style& style, std::span<const ChatMessage> messages,
                                     const ChatOptions& options) {
  PromptWriter out;
  out.control(kBos);
  bool first = true;
  for (const ChatMessage& m : messages)
    if (m.role == Role::system) {
      out.text(first ? "" : "\n\n").text(m.content);
      first = false;
    }
  const bool thinking = options.thinking == Thinking::on;
  const std::ptrdiff_t last_user = last_user_index(messages);
  bool asked = false;  // a question waits for its answer
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    if (m.role == Role::user) {
      out.control(kUser).text(m.content);
      asked = true;
    } else if (m.role == Role::assistant) {
      if (asked) {
        out.control(kAssistant);
        if (style.keep_last_reasoning && thinking && static_cast<std::ptrdiff_t>(i) > last_user)
          out.control(kThink).text(m.reasoning.value_or("")).control(kEndThink);
        else
          no_reasoning(out, style.open_in_history);
      }
      asked = false;
      out.text(style.keep_last_reasoning ? std::string_view(m.content) : without_reasoning(m.content))
          .control(kEos);
    }
  }
  if (options.add_generation_prompt && asked) {
    out.control(kAssistant);
    if (thinking)
      out.control(kThink);
    else
      no_reasoning(out, style.open_in_prompt);
  }
  return out.take();
}

// The official encoding puts <｜Assistant｜> and the think mark behind every question at once; without a
// generation prompt (which it does not know) the last question goes without.
std::vector<Segment> render_v32(std::span<const ChatMessage> messages, const ChatOptions& options) {
  PromptWriter out;
  out.control(kBos);
  const bool thinking = options.thinking == Thinking::on;
  const std::ptrdiff_t last_user = last_user_index(messages);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    const auto at = static_cast<std::ptrdiff_t>(i);
    switch (m.role) {
      case Role::system:
        out.text(m.content);
        break;
      case Role::user:
        out.control(kUser).text(m.content);
        if (i + 1 < messages.size() || options.add_generation_prompt)
          out.control(kAssistant).control(thinking && at == last_user ? kThink : kEndThink);
        break;
      case Role::assistant:
        if (thinking && at > last_user) out.text(m.reasoning.value_or("")).control(kEndThink);
        out.text(m.content).control(kEos);
        break;
    }
  }
  return out.take();
}

ChatFormat::Spec common_spec(std::string name) {
  ChatFormat::Spec spec;
  spec.name = std::move(name);
  spec.stop_tokens = {std::string(kEos)};
  spec.reasoning = ReasoningMarks{std::string(kThink), std::string(kEndThink)};
  spec.can_think = true;
  return spec;
}

ChatFormat from_style(std::string name, const Style& style) {
  ChatFormat::Spec spec = common_spec(std::move(name));
  spec.render = [style](std::span<const ChatMessage> messages, const ChatOptions& options) {
    return render_template(style, messages, options);
  };
  return ChatFormat(std::move(spec));
}

const std::vector<std::string_view> kSystem{
    "{%set ns.system_prompt=ns.system_prompt+message.content%}",
    "{%set ns.system_prompt=ns.system_prompt+'\\n\\n'+message.content%}",
    "{{bos_token}}{{ns.system_prompt}}",
};

std::optional<ChatFormat> match_v31(const ChatTemplate& text, Difference& difference) {
  std::vector<std::string_view> fragments = kSystem;
  fragments.insert(fragments.end(),
                   {
                       "{%set thinking=false%}",
                       "{%set ns.is_last_user=true%}{{'<｜User｜>'+message.content}}{%endif%}",
                       "{%set content=message.content%}"
                       "{%if'</think>'in content%}{%set content=content.split('</think>',1)[1]%}{%endif%}"
                       "{{content+'<｜end▁of▁sentence｜>'}}",
                   });
  if (!has_all(text, fragments, difference)) return std::nullopt;
  const auto tail = [](std::string_view mark) {
    return std::string(
               "{%endfor%}{%if add_generation_prompt and ns.is_last_user and not ns.is_tool%}"
               "{{'<｜Assistant｜>'}}{%if not thinking%}{{'")
        .append(mark)
        .append("'}}{%else%}{{'<think>'}}{%endif%}{%endif%}");
  };
  const auto history = [](std::string_view mark) {
    return std::string(
               "{%if ns.is_last_user%}{{'<｜Assistant｜>'}}"
               "{%if message.prefix is defined and message.prefix and thinking%}{{'<think>'}}{%else%}{{'")
        .append(mark)
        .append("'}}{%endif%}{%endif%}");
  };
  if (text.ends_with(tail("</think>")) && text.has(history("</think>"))) return deepseek_v31();
  if (text.ends_with(tail("<think></think>")) && text.has(history("<think></think>")))
    return deepseek_v31_llama_cpp();
  difference.text = "marks answers or ends otherwise than V3.1";
  return std::nullopt;
}

std::optional<ChatFormat> match_v32_llama_cpp(const ChatTemplate& text, Difference& difference) {
  if (!has_all(
          text,
          {"{%set thinking=false%}", "{%set dsml_token='｜DSML｜'%}",
           "{%set thinking_start_token='<think>'%}", "{%set thinking_end_token='</think>'%}",
           "{%set ns.system_prompt=ns.system_prompt+(message.content or'')%}",
           "{%set ns.system_prompt=ns.system_prompt+'\\n\\n'+(message.content or'')%}",
           "{{bos_token}}{{ns.system_prompt}}",
           "{{'<｜User｜>'+(message.content or'')}}{%set state.pending_asst_marker=true%}",
           "{%if state.pending_asst_marker%}{{'<｜Assistant｜>'}}{%if is_after_last_user and thinking%}"
           "{{thinking_start_token}}{%if message.reasoning_content is defined and message.reasoning_content%}"
           "{{message.reasoning_content}}{%endif%}"
           "{{thinking_end_token}}{%else%}{{thinking_end_token}}{%endif%}",
           "{%if message.content is defined and message.content%}{{message.content}}{%endif%}",
           "{{'<｜end▁of▁sentence｜>'}}",
           "{%if add_generation_prompt%}{%if state.pending_asst_marker%}{{'<｜Assistant｜>'}}{%if thinking%}"
           "{{thinking_start_token}}{%else%}{{thinking_start_token+thinking_end_token}}{%endif%}"},
          difference))
    return std::nullopt;
  return deepseek_v32_llama_cpp();
}

}  // namespace

std::optional<ChatFormat> match_deepseek(const ChatTemplate& text, Difference& difference) {
  return text.mentions("｜DSML｜") ? match_v32_llama_cpp(text, difference) : match_v31(text, difference);
}

ChatFormat deepseek_v31() { return from_style("deepseek-v3.1", {}); }

ChatFormat deepseek_v31_llama_cpp() {
  return from_style("deepseek-v3.1 (llama.cpp)", {.open_in_prompt = true, .open_in_history = true});
}

ChatFormat deepseek_v32_llama_cpp() {
  return from_style("deepseek-v3.2 (llama.cpp)", {.open_in_prompt = true, .keep_last_reasoning = true});
}

ChatFormat deepseek_v32_encoding() {
  ChatFormat::Spec spec = common_spec("deepseek-v3.2");
  spec.render = render_v32;
  return ChatFormat(std::move(spec));
}

}  // namespace dsa
