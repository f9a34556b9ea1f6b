// How likely a model finds a text, token by token.
#include "support/program.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cria/infer.hpp"
#include "cria/io/json.hpp"
#include "support/model.hpp"
#include "support/text_input.hpp"

namespace {

using namespace cria;

struct settings {
  support::model_arguments model;
  std::string text, tokens;
  infer::scoring_options scoring;
  bool json = false;
};

/// Tokens of a text file, bos in front where the model wants it, or those in a JSON array.
std::vector<int> read_tokens(text::tokenizer const* tokenizer, settings const& s) {
  if (!s.text.empty()) {
    auto const text = support::read_file(s.text);
    support::check_prompt(s.text, text);
    auto ids = tokenizer->encode(text);
    if (tokenizer->add_bos()) ids.insert(ids.begin(), tokenizer->bos());
    return ids;
  }
  auto const content = support::read_file(s.tokens);
  auto const array = io::parse_json(s.tokens, content);
  auto const whole = [](auto const& x) { return x.is_number_integer() && x >= 0 && x <= 0x7fffffff; };
  if (!array.is_array() || !std::all_of(array.begin(), array.end(), whole))
    throw error(s.tokens, "content", "an array of token ids", "something else");
  return array.template get<std::vector<int>>();
}

std::string as_json(std::vector<int> const& tokens, infer::scores const& s) {
  nlohmann::ordered_json out{
      {"tokens", tokens}, {"logprobs", nlohmann::json::array()}, {"nll", s.nll}, {"perplexity", s.perplexity()}};
  for (auto const& x : s.logprobs) out["logprobs"].push_back(x ? nlohmann::ordered_json(*x) : nlohmann::ordered_json());
  if (!s.top.empty()) out["top"] = s.top;
  return out.dump() + "\n";
}

/// Without a tokenizer the tokens' numbers alone.
std::string as_table(text::tokenizer const* tokenizer, std::vector<int> const& tokens, infer::scores const& s) {
  auto const shown = [&](int id) {
    return tokenizer ? fmt::format("{} {}", id, nlohmann::json(text::well_formed(tokenizer->piece(id))).dump())
                     : std::to_string(id);
  };
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    out += s.logprobs[i] ? fmt::format("{:10.4f}", *s.logprobs[i]) : fmt::format("{:>10}", "-");
    out += "  " + shown(tokens[i]);
    if (!s.top.empty())
      for (auto const& [id, logprob] : s.top[i]) out += fmt::format("  [{:.4f} {}]", logprob, shown(id));
    out += '\n';
  }
  return out + fmt::format("tokens {}, scored {}, nll {:.6f}, perplexity {:.4f}\n", tokens.size(), s.scored, s.nll,
                           s.perplexity());
}

void score(settings const& s) {
  if (s.text.empty() == s.tokens.empty())
    throw error("--text, --tokens", "which to score", "one of them", s.text.empty() ? "none" : "both");
  support::model_files const files(s.model, !s.text.empty());
  auto const tokens = read_tokens(files.tokens.get(), s);
  int const context = files.weights.shape().context, window = s.scoring.window == 0 ? context : s.scoring.window;
  if (window < 2 || window > context)
    throw error("--window", "out of range", fmt::format("2 to {}", context), fmt::format("{}", window));
  auto const engine = infer::open_engine(files.weights, {.room = std::clamp(int(tokens.size()), 2, window)});
  auto scoring = s.scoring;
  scoring.window = engine->room();
  auto const result = infer::score(*engine, tokens, scoring);
  support::write(s.json ? as_json(tokens, result) : as_table(files.tokens.get(), tokens, result));
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("score", "How likely a model finds a text", [&](CLI::App& arguments) {
    settings s;
    s.model.add_files(arguments);
    s.model.add_adapter(arguments);
    s.model.add_policy(arguments);
    arguments.add_option("--text", s.text, "a file with text");
    arguments.add_option("--tokens", s.tokens, "a file with a JSON array of tokens");
    support::add_number(arguments, "--window", s.scoring.window,
                        "tokens read together, each window for itself (default: the model's context)");
    support::add_number(arguments, "--top", s.scoring.top, "show so many of the likeliest tokens in each place");
    arguments.add_flag("--json", s.json, "one object with tokens, logprobs, nll, perplexity and top");
    support::parse(arguments, argc, argv);
    score(s);
  });
}
