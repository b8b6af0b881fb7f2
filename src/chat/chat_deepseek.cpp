// DeepSeek-V3.1 (also V3.1-Terminus and V3.2-Exp) by its Jinja template, DeepSeek-V3.2 by the encoding its
// repository gives as Python (encoding/encoding_dsv32.py), and two templates of llama.cpp that open an empty
// <think> where the official ones do not.  (docs/checkpoints.md, "Prompt formats")
#include "chat/deepseek_marks.h"
#include "chat/tool_families.h"

#include <utility>

namespace dsa {
namespace {

using namespace deepseek;

struct Style {
  // A prompt without thinking ends with <think></think>, not with </think> alone.
  bool open_in_prompt = false;
  bool open_in_history = false;  // so does the head of an earlier answer
  // V3.2: an answer behind the last question keeps its reasoning, and calls are written in DSML.
  bool v32 = false;
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

// What the next answer comes behind.
enum class Waits : std::uint8_t { nothing, question, results };

// The head of an answer, or of the prompt for one.
void begin_answer(PromptWriter& out, const Style& style, Waits waits) {
  if (waits == Waits::question) out.control(kAssistant);
  if (waits == Waits::results && style.v32) out.text("\n\n");
}

void write_system(PromptWriter& out, const Style& style, std::span<const ChatMessage> messages,
                  std::span<const ChatTool> tools) {
  bool first = true;
  bool empty = true;
  for (const ChatMessage& m : messages)
    if (m.role == Role::system) {
      out.text(std::exchange(first, false) ? "" : "\n\n").text(m.content);
      empty = empty && m.content.empty();
    }
  if (tools.empty()) return;
  if (!style.v32) return deepseek_tools::write_tools(out.text("\n\n"), tools);
  dsml_tools::write_tools(out.text(empty ? "" : "\n\n"), tools);
}

std::vector<Segment> render_template(const Style& style, std::span<const ChatMessage> messages,
                                     const ChatOptions& options) {
  PromptWriter out;
  out.control(kBos);
  write_system(out, style, messages, options.tools);
  const bool thinking = options.thinking == Thinking::on;
  const std::ptrdiff_t last_user = last_user_index(messages);
  Waits waits = Waits::nothing;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    if (m.role == Role::user) {
      out.control(kUser).text(m.content);
      waits = Waits::question;
    } else if (m.role == Role::tool) {
      const auto results = results_at(messages, i);
      if (style.v32) dsml_tools::write_results(out, results);
      for (const ChatMessage& result : results)
        if (!style.v32) deepseek_tools::write_result(out, result);
      i += results.size() - 1;
      waits = Waits::results;
    } else if (m.role == Role::assistant) {
      begin_answer(out, style, waits);
      if (waits == Waits::question || (waits == Waits::results && style.v32)) {
        if (style.v32 && thinking && static_cast<std::ptrdiff_t>(i) > last_user)
          out.control(kThink).text(m.reasoning.value_or("")).control(kEndThink);
        else
          no_reasoning(out, style.open_in_history);
      }
      const bool whole = style.v32 || waits == Waits::results || !m.tool_calls.empty();
      out.text(whole ? std::string_view(m.content) : without_reasoning(m.content));
      if (!m.tool_calls.empty()) {
        if (style.v32)
          dsml_tools::write_calls(out, m.tool_calls, dsml_tools::NoArguments::nothing);
        else
          deepseek_tools::write_calls(out, m.tool_calls);
      }
      out.control(kEos);
      waits = Waits::nothing;
    }
  }
  const bool prompted = waits == Waits::question || (waits == Waits::results && style.v32);
  if (options.add_generation_prompt && prompted) {
    begin_answer(out, style, waits);
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
  // Tools are the first system message's, which is an empty one where there is none.
  if (!options.tools.empty() && messages[0].role != Role::system)
    dsml_tools::write_tools(out.text("\n\n"), options.tools);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    const auto at = static_cast<std::ptrdiff_t>(i);
    const auto results = results_at(messages, i);
    switch (m.role) {
      case Role::system:
        out.text(m.content);
        if (i == 0 && !options.tools.empty()) dsml_tools::write_tools(out.text("\n\n"), options.tools);
        break;
      case Role::user:
        out.control(kUser).text(m.content);
        if (i + 1 < messages.size() || options.add_generation_prompt)
          out.control(kAssistant).control(thinking && at == last_user ? kThink : kEndThink);
        break;
      case Role::assistant:
        if (thinking && at > last_user) out.text(m.reasoning.value_or("")).control(kEndThink);
        out.text(m.content);
        if (!m.tool_calls.empty())
          dsml_tools::write_calls(out, m.tool_calls, dsml_tools::NoArguments::blank_line);
        out.control(kEos);
        break;
      case Role::tool:
        dsml_tools::write_results(out, results);
        i += results.size() - 1;
        if (i + 1 < messages.size() || options.add_generation_prompt)
          out.text("\n\n").control(thinking && at > last_user ? kThink : kEndThink);
        break;
    }
  }
  return out.take();
}

ChatFormat::Spec deepseek_spec(std::string name) {
  ChatFormat::Spec spec;
  spec.name = std::move(name);
  spec.stop_tokens = {std::string(kEos)};
  spec.reasoning = ReasoningMarks{std::string(kThink), std::string(kEndThink)};
  spec.can_think = true;
  spec.tool_parser = deepseek_tools::parser;
  spec.calls = deepseek_tools::syntax();
  return spec;
}

void use_dsml(ChatFormat::Spec& spec) {
  spec.tool_parser = dsml_tools::parser;
  spec.calls = dsml_tools::syntax();
}

ChatFormat from_style(std::string name, const Style& style) {
  ChatFormat::Spec spec = deepseek_spec(std::move(name));
  if (style.v32) use_dsml(spec);
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
  return from_style("deepseek-v3.2 (llama.cpp)", {.open_in_prompt = true, .v32 = true});
}

ChatFormat deepseek_v32_encoding() {
  ChatFormat::Spec spec = deepseek_spec("deepseek-v3.2");
  use_dsml(spec);
  spec.render = render_v32;
  return ChatFormat(std::move(spec));
}

}  // namespace dsa
