// Goes on with a text, or with many at once.
#include "support/program.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cria/infer.hpp"
#include "cria/io/json.hpp"
#include "support/drafting.hpp"
#include "support/model.hpp"
#include "support/sampling.hpp"
#include "support/speeds.hpp"
#include "support/text_input.hpp"

namespace {

using namespace cria;

struct settings {
  support::model_arguments model;
  support::draft_arguments draft;
  infer::sampling sampling;
  std::optional<std::string> text, prompts;
  int max_tokens = 256, batch = 16;
  bool special = false, json = false;
};

/// Of a file its lines that are not empty, or of a .jsonl file the "prompt" of each.
std::vector<std::string> read_prompts(std::string const& file) {
  bool const from_stdin = file == "-";
  std::istringstream content(from_stdin ? support::read_all(stdin, "stdin") : support::read_file(file));
  std::vector<std::string> all;
  int number = 0;
  for (std::string line; std::getline(content, line);) {
    auto const where = fmt::format("{}, line {}", from_stdin ? "stdin" : file, ++number);
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    if (file.ends_with(".jsonl")) {
      auto const object = io::parse_json(where, line);
      if (!object.is_object() || !object.contains("prompt") || !object["prompt"].is_string())
        throw error(where, "not understood", "an object with a text called prompt", "something else");
      line = object["prompt"].get<std::string>();
    }
    support::check_prompt(where, line);
    all.push_back(std::move(line));
  }
  if (all.empty()) throw error(file, "empty", "at least one prompt", "none");
  return all;
}

/// A text, and what comes after it.
struct continuation {
  std::string text;
  std::vector<int> prompt;
  infer::sampler choose;
  infer::text_stream stream;
  std::string after{};
  std::vector<int> tokens{};
  bool ended = false;
};

class generator {
 public:
  explicit generator(settings const& given) : s(given), files(s.model), guesses(s.draft, files) {}

  void run(std::vector<std::string> const& texts) {
    int const context = files.weights.shape().context;
    infer::engine_options options{.sequences = std::min(s.batch, int(texts.size()))};
    for (auto const& text : texts) {
      int const length = add(text);
      if (length >= context)
        throw error(s.prompts ? fmt::format("prompt {}", all.size()) : "text", "longer than the context",
                    fmt::format("fewer than {} tokens", context), fmt::format("{}", length));
      options.room = std::max(options.room, length + std::min(s.max_tokens, context - length));
    }
    auto const engine = infer::open_engine(files.weights, options);
    infer::batch batch(*engine, guesses.open(options));
    auto const start = std::chrono::steady_clock::now();
    if (!s.json) support::write(all.front().text), support::flush();
    for (auto& c : all)
      batch.add({c.prompt, &c.choose,
                 {.max_tokens = s.max_tokens,
                  .stops = {files.tokens->bos(), files.tokens->eos(), files.tokens->eot()},
                  .on_token = [&](int id) { show(c, c.stream.put(id)); }},
                 [&](infer::generation const& g) { end(c, g); }});
    while (batch.step()) {
    }
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    if (s.prompts)
      support::say("generate", fmt::format("{} prompts, {} tokens read, {} written in {:.1f} s: {:.1f} tokens/s{}", all.size(),
                                           total.prompt.tokens, total.answer_tokens, time.count(),
                                           total.answer_tokens / time.count(), total.guesses()));
    else if (guesses.any())
      support::say("generate", total.line(*engine));
  }

 private:
  settings const& s;
  support::model_files files;
  support::guesses guesses;
  std::deque<continuation> all;  // those before `front` have been written
  std::size_t front = 0;
  support::speeds total;

  /// Returns the number of its tokens.
  int add(std::string const& text) {
    auto const& tokens = *files.tokens;
    auto ids = tokens.encode(text, s.special);
    if (tokens.add_bos() && (ids.empty() || ids.front() != tokens.bos())) ids.insert(ids.begin(), tokens.bos());
    bool const text_before = std::any_of(ids.begin(), ids.end(), [&](int id) { return !tokens.is_control(id); });
    all.push_back({text, std::move(ids), infer::sampler(s.sampling), infer::text_stream(tokens, text_before)});
    return int(all.back().prompt.size());
  }

  /// The one in front is written as it comes; the others wait for it.
  void show(continuation& c, std::string const& more) {
    c.after += more;
    if (&c == &all[front] && !s.json && !more.empty()) support::write(more), support::flush();
  }

  void end(continuation& c, infer::generation const& g) {
    show(c, c.stream.finish());
    c.tokens = g.tokens;
    c.ended = true;
    total.add(g);
    while (front < all.size() && all[front].ended) {
      auto const& f = all[front++];
      if (s.json)
        support::write(nlohmann::ordered_json{{"prompt_tokens", f.prompt}, {"tokens", f.tokens}, {"text", f.after}}.dump());
      support::write("\n");
      if (!s.json && front < all.size()) support::write("\n" + all[front].text + all[front].after);
      support::flush();
    }
  }
};

void generate(settings const& s) {
  if (s.text.has_value() == s.prompts.has_value())
    throw error("text, --prompts", "which to go on with", "one of them", s.text ? "both" : "none");
  if (s.text) support::check_prompt("text", *s.text);
  support::check_max_tokens(s.max_tokens);
  if (s.batch < 1) throw error("--batch", "out of range", "a positive number", std::to_string(s.batch));
  infer::check(s.sampling);
  auto const texts = s.text ? std::vector{*s.text} : read_prompts(*s.prompts);
  generator(s).run(texts);
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("generate", "Goes on with a text, or with many at once", [&](CLI::App& arguments) {
    settings s;
    arguments.add_option("text", s.text, "what to go on with");
    arguments.add_option("--prompts", s.prompts,
                         "a file with a text in each line, a .jsonl with a \"prompt\" in each, or - for stdin");
    support::add_number(arguments, "--batch", s.batch, "how many of the file's prompts are worked on together")
        ->capture_default_str();
    s.model.add_files(arguments);
    s.model.add_adapter(arguments);
    s.model.add_policy(arguments);
    s.draft.add(arguments);
    support::add_sampling(arguments, s.sampling);
    support::add_max_tokens(arguments, s.max_tokens);
    arguments.add_flag("--special", s.special, "names of special tokens in the text are those tokens");
    arguments.add_flag("--json", s.json, "for each text a line: an object with prompt_tokens, tokens and text");
    support::parse(arguments, argc, argv);
    generate(s);
  });
}
