#pragma once
// For models that were never trained to chat: they go on with the text.
#include "cria/infer/chat/format.hpp"
#include "cria/text/tokenizer.hpp"

namespace cria::infer {

/// No marks: the answer goes on where the text ends.
class plain_format : public chat_format {
 public:
  explicit plain_format(text::tokenizer const& t) : tokens(t) {
    add_stop(t.eos());
    add_stop(t.eot());
    add_stop(t.bos());
  }

  std::string_view name() const override { return "plain"; }
  bool continues() const override { return true; }

  /// The system text, every message and what followed it, one after the other, each on a line of its own.
  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    std::string all = system && !system->empty() ? *system + "\n" : "";
    for (auto const& e : before) all += e.user + e.answer + "\n";
    std::vector<int> ids;
    if (tokens.add_bos()) ids.push_back(tokens.bos());
    detail::append(ids, tokens.encode(all + std::string(user), false));
    return ids;
  }

 private:
  text::tokenizer const& tokens;
};

}  // namespace cria::infer
