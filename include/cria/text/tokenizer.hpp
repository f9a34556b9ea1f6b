#pragma once
// Text to tokens and back: what is common to all kinds of tokenizers.
#include <algorithm>
#include <bitset>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/text/vocabulary.hpp"

namespace cria::text {

/// Encodes any bytes, well-formed UTF-8 or not. Safe to use from several threads at once.
class tokenizer {
 public:
  virtual ~tokenizer() = default;
  tokenizer(tokenizer const&) = delete;
  tokenizer& operator=(tokenizer const&) = delete;

  /// The tokens of `text`, without bos. With `parse_special` the names of control tokens in the text become those
  /// tokens; without it they are text like any other. `behind_special`: the text goes on behind a special token. Throws
  /// cria::error for a byte that no token stands for.
  std::vector<int> encode(std::string_view text, bool parse_special = false, bool behind_special = false) const {
    std::vector<int> ids;
    auto const& names = parse_special ? all_names_ : user_names_;
    std::size_t plain = 0;  // where the text that is not yet encoded begins
    for (std::size_t at = 0; at < text.size();) {
      auto const [id, length] = names.longest(text.substr(at));
      if (length == 0) {
        ++at;
        continue;
      }
      if (at > plain) encode_plain(text.substr(plain, at - plain), plain == 0 && !behind_special, ids);
      ids.push_back(id);
      plain = at += length;
    }
    if (plain < text.size()) encode_plain(text.substr(plain), plain == 0 && !behind_special, ids);
    return ids;
  }

  /// The text of `ids`, without the blank that encoding put in front. Control tokens are left out, or with `special`
  /// written by name. The bytes may end inside a character. Throws cria::error for an id that is no token.
  std::string decode(std::span<int const> ids, bool special = false) const {
    std::string out;
    bool first = true;
    for (int const id : ids) {
      std::string_view text = piece(id);
      if (is_control(id)) {
        out += special ? text : "";
        continue;
      }
      bool const strip = std::exchange(first, false) && vocabulary_.space_prefix && at(id).kind == token_kind::normal;
      if (strip && text.starts_with(' ')) text.remove_prefix(1);
      out += text;
    }
    return out;
  }

  /// The bytes one token stands for, of a control token its name. A continuation's text is its pieces in a row.
  std::string const& piece(int id) const { return at(id).text; }
  bool is_control(int id) const { return at(id).kind == token_kind::control; }

  /// Adds ids that stand for nothing, up to `size`: models round their vocabularies up.
  void pad(int size) {
    if (size > this->size())
      vocabulary_.tokens.resize(std::size_t(size), token{.text = {}, .score = 0, .kind = token_kind::unused});
  }

  int size() const { return int(vocabulary_.tokens.size()); }
  int bos() const { return vocabulary_.bos; }  // -1: none, here and below
  int eos() const { return vocabulary_.eos; }
  int eot() const { return vocabulary_.eot; }  // end of a turn, where the model has a token for it
  bool add_bos() const { return vocabulary_.add_bos; }

  /// All tokens, each as the bytes it stands for.
  vocabulary const& tokens() const { return vocabulary_; }

  /// The control token of this name, or -1.
  int find_special(std::string_view name) const {
    auto const [id, length] = all_names_.longest(name);
    return length == name.size() && length > 0 && is_control(id) ? id : -1;
  }

 protected:
  explicit tokenizer(vocabulary v) : vocabulary_(std::move(v)) {
    for (int id = 0; id < size(); ++id) {
      auto const& t = at(id);
      if (t.kind == token_kind::user_defined) user_names_.add(t.text, id), all_names_.add(t.text, id);
      if (t.kind == token_kind::control) all_names_.add(t.text, id);
    }
    user_names_.finish(), all_names_.finish();
  }

  /// Appends the tokens of `text`, which is not empty: the whole, or what lies between special tokens; `begins`: no
  /// token is in front of it.
  virtual void encode_plain(std::string_view text, bool begins, std::vector<int>& ids) const = 0;

 private:
  /// Names of tokens that are found in a text as they stand; of several the longest.
  class name_table {
   public:
    void add(std::string_view name, int id) {
      if (name.empty()) return;
      ids_.emplace(name, id);
      first_bytes_.set(static_cast<unsigned char>(name[0]));
      lengths_.push_back(name.size());
    }

    void finish() {
      std::ranges::sort(lengths_, std::greater{});
      lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
    }

    /// {id, length} of the name that `text` begins with; length 0: of none.
    std::pair<int, std::size_t> longest(std::string_view text) const {
      if (text.empty() || !first_bytes_.test(static_cast<unsigned char>(text[0]))) return {-1, 0};
      for (auto const length : lengths_) {
        if (length > text.size()) continue;
        if (auto const found = ids_.find(std::string(text.substr(0, length))); found != ids_.end())
          return {found->second, length};
      }
      return {-1, 0};
    }

   private:
    std::unordered_map<std::string, int> ids_;
    std::bitset<256> first_bytes_;
    std::vector<std::size_t> lengths_;
  };

  token const& at(int id) const {
    if (id < 0 || id >= size())
      throw error("token", "id out of range", "0 to " + std::to_string(size() - 1), std::to_string(id));
    return vocabulary_.tokens[std::size_t(id)];
  }

  vocabulary vocabulary_;
  name_table user_names_, all_names_;
};

}  // namespace cria::text
