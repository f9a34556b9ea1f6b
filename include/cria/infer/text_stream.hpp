#pragma once
// The text of tokens as they come.
#include <span>
#include <string>

#include "cria/text/tokenizer.hpp"
#include "cria/text/utf8.hpp"

namespace cria::infer {

/// What comes out is well-formed UTF-8: a character that takes several tokens appears with the last of them.
class text_stream {
 public:
  /// `continues`: the tokens follow others of the same text, so that a blank in front is part of it. `t` must outlive
  /// this.
  text_stream(text::tokenizer const& t, bool continues) : tokens(t), begun(continues) {}

  std::string put(int token) {
    if (tokens.is_control(token)) return "";
    auto const text = begun ? characters.put(tokens.piece(token)) : characters.put(tokens.decode(std::span(&token, 1)));
    begun = true;
    return text;
  }

  /// What was held back of a character that never became whole.
  std::string finish() { return characters.finish(); }

 private:
  text::tokenizer const& tokens;
  text::utf8_stream characters;
  bool begun;
};

}  // namespace cria::infer
