#include "cli/line_reader.h"

#include <histedit.h>
#include <langinfo.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string_view>
#include <utility>

#include "cli/terminal.h"

namespace dsa::cli {

struct LineReader::Editor {
  Editor(std::string shown, const std::filesystem::path& file)
      : prompt(std::move(shown)), history_file(file) {
    use_utf8();
    el = el_init("dsa", stdin, stdout, stderr);
    past = history_init();
    HistEvent event;
    history(past, &event, H_SETSIZE, 1000);
    history(past, &event, H_SETUNIQUE, 1);
    if (!history_file.empty()) history(past, &event, H_LOAD, history_file.c_str());
    el_set(el, EL_CLIENTDATA, this);
    el_set(el, EL_PROMPT, &Editor::prompt_of);
    el_set(el, EL_HIST, history, past);
    el_set(el, EL_EDITOR, "emacs");
    el_set(el, EL_SIGNAL, 1);  // gives the terminal back if a signal ends the program
    // While a line is edited Ctrl-C and Ctrl-Z are keys like any other, not signals.
    el_set(el, EL_SETTY, "-d", "-isig", nullptr);
    el_set(el, EL_ADDFN, "drop-line", "Drops the line", &Editor::drop_line);
    el_set(el, EL_ADDFN, "suspend", "Gives the terminal back to the shell", &Editor::suspend);
    el_set(el, EL_BIND, "^C", "drop-line", nullptr);
    el_set(el, EL_BIND, "^Z", "suspend", nullptr);
    el_set(el, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }
  ~Editor() {
    if (!history_file.empty()) {
      std::error_code ignored;
      std::filesystem::create_directories(history_file.parent_path(), ignored);
      HistEvent event;
      history(past, &event, H_SAVE, history_file.c_str());
    }
    history_end(past);
    el_end(el);
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  // libedit reads bytes as the locale says; in the C locale it would refuse every letter with an accent.
  static void use_utf8() {
    std::setlocale(LC_CTYPE, "");
    if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
  }

  static Editor& of(EditLine* el) {
    void* self = nullptr;
    el_get(el, EL_CLIENTDATA, &self);
    return *static_cast<Editor*>(self);
  }
  static char* prompt_of(EditLine* el) { return of(el).prompt.data(); }
  static unsigned char drop_line(EditLine* el, int) {
    of(el).dropped = true;
    std::fputs("^C\n", stdout);
    return CC_NEWLINE;
  }
  // EL_SIGNAL takes the terminal out of editing and back again.
  static unsigned char suspend(EditLine*, int) {
    std::raise(SIGTSTP);
    return CC_REDISPLAY;
  }

  Event read(std::string& line) {
    dropped = false;
    int count = 0;
    const char* text = el_gets(el, &count);
    if (dropped) return Event::interrupted;
    if (text == nullptr || count <= 0) return Event::end;
    line.assign(text, static_cast<std::size_t>(count));
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    HistEvent event;
    if (!line.empty()) history(past, &event, H_ENTER, line.c_str());
    return Event::line;
  }

  EditLine* el = nullptr;
  History* past = nullptr;
  std::string prompt;
  std::filesystem::path history_file;
  bool dropped = false;
};

LineReader::LineReader(std::string prompt, const std::filesystem::path& history_file) {
  if (stdin_is_terminal() && stdout_is_terminal())
    editor_ = std::make_unique<Editor>(std::move(prompt), history_file);
}
LineReader::~LineReader() = default;

LineReader::Event LineReader::read(std::string& line) {
  if (editor_) return editor_->read(line);
  if (!std::getline(std::cin, line)) return Event::end;
  if (line.ends_with('\r')) line.pop_back();
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (std::exchange(first_, false) && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  return Event::line;
}

}  // namespace dsa::cli
