// Talks with a model: a conversation on a terminal, one answer for a question or a pipe.
#include "support/program.hpp"

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include <readline/history.h>
#include <readline/readline.h>
#include <unistd.h>

#include "cria/infer.hpp"
#include "support/drafting.hpp"
#include "support/interrupt.hpp"
#include "support/model.hpp"
#include "support/sampling.hpp"
#include "support/speeds.hpp"
#include "support/text_input.hpp"

namespace {

using namespace cria;

struct settings {
  support::model_arguments model;
  support::draft_arguments draft;
  infer::sampling sampling{.temperature = 0.6, .top_p = 0.9};
  std::optional<std::string> question, system;
  int max_tokens = 512, context = 0;  // 0: the model's
};

class chat {
 public:
  explicit chat(settings const& s)
      : choose(s.sampling),
        max_tokens(s.max_tokens),
        files(s.model),
        format(infer::choose_chat_format(*files.tokens, files.chat_template, files.weights.shape().embed)),
        guesses(s.draft, files),
        engine(infer::open_engine(files.weights, {.room = room_of(s)})),
        batch(*engine, guesses.open({.room = engine->room()})),
        talk(*format, s.system, engine->room(), std::min(s.max_tokens, engine->room() / 4)) {
    if (format->name() == "plain" && !files.chat_template.empty())
      support::say("chat", "the model's chat template is none of those known here; it goes on with plain text");
  }

  /// Answers on stdout, piece by piece.
  void answer(std::string const& text) {
    auto const question = talk.ask(text);
    if (question.forgotten > 0)
      support::say("chat", fmt::format("the context is full; forgotten: the oldest {} of the conversation's exchanges",
                                       question.forgotten));
    infer::text_stream stream(*files.tokens, format->continues());
    std::string all;
    auto const put = [&](std::string const& more) {
      if (!more.empty()) support::write(more), support::flush();
      all += more;
    };
    support::interrupted = 0;
    auto const result = batch.run(question.tokens, choose,
                                    {.max_tokens = max_tokens,
                                     .stops = format->stops(),
                                     .on_token = [&](int id) { put(stream.put(id)); },
                                     .interrupt = &support::interrupted});
    put(stream.finish());
    support::write("\n"), support::flush();
    talk.answered(std::move(all));
    total.add(result);
    if (result.end == infer::ending::max_tokens)
      support::say("chat", fmt::format("stopped after {} tokens (--max-tokens)", max_tokens));
    if (result.end == infer::ending::context_full) support::say("chat", "stopped at the end of the context");
  }

  void forget() { talk.reset(); }
  void show_speeds() const { support::say("chat", total.line(*engine)); }
  std::string_view format_name() const { return format->name(); }

 private:
  int room_of(settings const& s) const {
    int const most = files.weights.shape().context;
    if (s.context > most) throw error("--context", "out of range", fmt::format("1 to {}", most), std::to_string(s.context));
    return s.context > 0 ? s.context : most;
  }

  infer::sampler choose;
  int max_tokens;
  support::model_files files;
  std::unique_ptr<infer::chat_format> format;
  support::guesses guesses;
  std::unique_ptr<infer::engine> engine;
  infer::batch batch;  // of one
  infer::conversation talk;
  support::speeds total;
};

/// A line from the terminal; nothing at its end.
std::optional<std::string> read_line() {
  rl_signal_event_hook = [] {  // Ctrl-C takes back what was typed
    rl_replace_line("", 0);
    rl_crlf();
    rl_on_new_line();
    rl_redisplay();
    return 0;
  };
  std::unique_ptr<char, void (*)(void*)> const line(readline("> "), std::free);
  if (!line) return std::nullopt;
  if (*line) add_history(line.get());
  return line.get();
}

void converse(settings const& s) {
  std::setlocale(LC_CTYPE, "");
  rl_readline_name = "cria";
  rl_bind_key('\t', rl_insert);
  chat c(s);
  support::catch_interrupt();
  fmt::print("{}, {} format. /help tells what else there is.\n",
             std::filesystem::path(s.model.file).filename().string(), c.format_name());
  while (auto const line = read_line()) {
    if (line->find_first_not_of(" \t") == std::string::npos) continue;
    if (*line == "/help") {
      fmt::print("Type a message and Enter. Ctrl-C stops an answer, Ctrl-D ends the chat.\n");
      fmt::print("/reset  forgets the conversation\n/help   this\n");
    } else if (*line == "/reset") {
      c.forget();
    } else if (line->starts_with('/')) {
      support::say("chat", "no such command, there are /reset and /help: " + *line);
    } else {
      try {
        support::check_utf8("message", *line);
        c.answer(*line);
      } catch (error const& e) {
        support::flush();  // an output that fails ends the chat
        support::say("chat", e.what());
      }
    }
  }
  support::write("\n");
  c.show_speeds();
}

void answer_once(settings const& s) {
  auto question = s.question ? *s.question : support::read_all(stdin, "stdin");
  if (!s.question) question.erase(question.find_last_not_of("\r\n") + 1);
  support::check_prompt("question", question);
  chat c(s);
  support::catch_interrupt();
  c.answer(question);
  c.show_speeds();
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("chat", "Talks with a model", [&](CLI::App& arguments) {
    settings s;
    arguments.add_option("question", s.question, "answered once; else stdin, or on a terminal a conversation");
    s.model.add_files(arguments);
    s.model.add_adapter(arguments);
    s.model.add_policy(arguments);
    s.draft.add(arguments);
    arguments.add_option("--system", s.system, "what the model is told before the conversation");
    support::add_sampling(arguments, s.sampling);
    support::add_max_tokens(arguments, s.max_tokens);
    support::add_positive(arguments, "--context", s.context,
                          "positions of the conversation at most, for which memory is taken (default: the model's)");
    support::parse(arguments, argc, argv);
    infer::check(s.sampling);
    support::check_max_tokens(s.max_tokens);
    if (s.system) support::check_utf8("--system", *s.system);
    bool const once = s.question || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
    once ? answer_once(s) : converse(s);
  });
}
