#pragma once
// The tokens of a model, as every file format gives them.
#include <string>
#include <string_view>
#include <vector>

#include "cria/core/error.hpp"

namespace cria::text {

/// Numbered as in SentencePiece and GGUF.
enum class token_kind { normal = 1, unknown, control, user_defined, unused, byte };

/// text: the bytes the token stands for; a control token's name.
struct token {
  std::string text;
  float score = 0;
  token_kind kind = token_kind::normal;
};

/// The tokens by id, those with a meaning of their own, and how a text is brought into form.
struct vocabulary {
  std::vector<token> tokens;
  int bos = -1, eos = -1, eot = -1, unknown = -1;  // -1: the model has none
  bool add_bos = false;                            // a prompt begins with bos
  bool space_prefix = false;                       // a blank is put in front of a text
  bool lenient_prefix = false;                     // but only where the text doesn't begin with one,
  bool prefix_once = false;                        // and only at its beginning, not behind special tokens in it
  bool nfc = false;                                // texts are brought to Unicode's normalization form C
};

/// Throws cria::error unless the vocabulary has tokens and its special ones are among them. These then are control
/// tokens, as are every token named like <|this|> and Gemma's marks of turns, and the end of a turn is found by its usual
/// names.
inline void complete(vocabulary& v, std::string_view file) {
  int const size = int(v.tokens.size());
  if (size == 0) throw error(file, "vocabulary", "tokens", "none");
  for (int const id : {v.bos, v.eos, v.eot, v.unknown})
    if (id < -1 || id >= size)
      throw error(file, "id of a special token", "less than " + std::to_string(size), std::to_string(id));
  for (int id = 0; id < size; ++id) {
    auto& t = v.tokens[std::size_t(id)];
    if (v.eot < 0 && (t.text == "<|im_end|>" || t.text == "<|eot_id|>")) v.eot = id;
    bool const named = (t.text.starts_with("<|") && t.text.ends_with("|>")) || t.text == "<start_of_turn>" ||
                       t.text == "<end_of_turn>";
    if (t.kind == token_kind::user_defined && named) t.kind = token_kind::control;
  }
  for (int const id : {v.bos, v.eos, v.eot})
    if (id >= 0) v.tokens[std::size_t(id)].kind = token_kind::control;
  if (v.add_bos && v.bos < 0) throw error(file, "bos token", "an id, because prompts begin with it", "none");
}

}  // namespace cria::text
