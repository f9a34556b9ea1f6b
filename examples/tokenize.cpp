// Text to tokens, and back: stdin to stdout.
#include "support/program.hpp"

#include <cctype>
#include <charconv>

#include <nlohmann/json.hpp>

#include "support/model.hpp"
#include "support/text_input.hpp"

namespace {

/// Whole numbers, as a JSON array or with anything blank between them.
std::vector<int> read_ids(std::string_view text) {
  std::vector<int> ids;
  for (char const *at = text.data(), *const end = at + text.size(); at != end;) {
    if (std::isspace(static_cast<unsigned char>(*at)) || *at == ',' || *at == '[' || *at == ']') {
      ++at;
      continue;
    }
    int id = 0;
    auto const [next, fault] = std::from_chars(at, end, id);
    if (fault != std::errc()) {
      std::string_view const rest(at, std::size_t(end - at));
      throw cria::error("stdin", "not a list of tokens", "whole numbers", cria::text::well_formed(rest.substr(0, 20)));
    }
    ids.push_back(id);
    at = next;
  }
  return ids;
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("tokenize", "Text to tokens: stdin to stdout, without a bos token", [&](CLI::App& arguments) {
    support::model_arguments model;
    bool special = false, decode = false, json = false;
    model.add_files(arguments);
    model.add_policy(arguments);
    arguments.add_flag("--special", special, "names of special tokens are those tokens, both ways");
    arguments.add_flag("--decode", decode, "tokens to text");
    arguments.add_flag("--json", json, "an array of ids");
    support::parse(arguments, argc, argv);

    auto const tokens = model.open_tokenizer();
    auto const input = support::read_all(stdin, "stdin");
    if (decode) return support::write(tokens->decode(read_ids(input), special));
    support::check_utf8("stdin", input);
    auto const ids = tokens->encode(input, special);
    support::write((json ? nlohmann::json(ids).dump() : fmt::format("{}", fmt::join(ids, " "))) + "\n");
  });
}
