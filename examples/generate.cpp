// Goes on with a text.
#include "support/program.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cria/infer.hpp"
#include "support/model.hpp"
#include "support/sampling.hpp"
#include "support/text_input.hpp"

namespace {

using namespace cria;

struct settings {
  support::model_arguments model;
  infer::sampling sampling;
  std::string text;
  int max_tokens = 256;
  bool special = false, json = false;
};

std::vector<int> encode(text::tokenizer const& tokens, settings const& s) {
  auto ids = tokens.encode(s.text, s.special);
  if (tokens.add_bos() && (ids.empty() || ids.front() != tokens.bos())) ids.insert(ids.begin(), tokens.bos());
  return ids;
}

void generate(settings const& s) {
  support::check_prompt("text", s.text);
  support::check_max_tokens(s.max_tokens);
  infer::sampler choose(s.sampling);
  support::model_files const files(s.model);
  auto const& tokens = *files.tokens;
  auto const prompt = encode(tokens, s);
  int const context = files.weights.shape().context, length = int(prompt.size());
  if (length >= context)
    throw error("text", "longer than the context", fmt::format("fewer than {} tokens", context),
                fmt::format("{}", length));

  auto const engine = infer::open_engine(files.weights, {.room = length + std::min(s.max_tokens, context - length)});
  bool const text_before = std::any_of(prompt.begin(), prompt.end(), [&](int id) { return !tokens.is_control(id); });
  infer::text_stream stream(tokens, text_before);
  std::string text;
  auto const put = [&](std::string const& more) {
    if (!s.json && !more.empty()) support::write(more), support::flush();
    text += more;
  };
  if (!s.json) support::write(s.text), support::flush();
  auto const result = infer::cached_sequence(*engine).run(prompt, choose,
                                                  {.max_tokens = s.max_tokens,
                                                   .stops = {tokens.bos(), tokens.eos(), tokens.eot()},
                                                   .on_token = [&](int id) { put(stream.put(id)); }});
  put(stream.finish());
  if (s.json)
    support::write(nlohmann::ordered_json{{"prompt_tokens", prompt}, {"tokens", result.tokens}, {"text", text}}.dump());
  support::write("\n");
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("generate", "Goes on with a text", [&](CLI::App& arguments) {
    settings s;
    arguments.add_option("text", s.text, "what to go on with")->required();
    s.model.add_files(arguments);
    s.model.add_policy(arguments);
    support::add_sampling(arguments, s.sampling);
    support::add_max_tokens(arguments, s.max_tokens);
    arguments.add_flag("--special", s.special, "names of special tokens in the text are those tokens");
    arguments.add_flag("--json", s.json, "one object with prompt_tokens, tokens and text");
    support::parse(arguments, argc, argv);
    generate(s);
  });
}
