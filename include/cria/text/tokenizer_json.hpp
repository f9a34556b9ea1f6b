#pragma once
// tokenizer.json of Hugging Face's tokenizers, written for both kinds of vocabularies.
#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/gguf.hpp"
#include "cria/io/json.hpp"
#include "cria/text/vocabulary.hpp"
#include "cria/text/words.hpp"

namespace cria::text {
namespace detail {

/// A token as files write it: U+2581 for a blank, <0xNN> for a byte.
inline std::string written(token const& t) {
  if (t.kind == token_kind::unknown) return "<unk>";
  if (t.kind == token_kind::byte) return fmt::format("<0x{:02X}>", static_cast<unsigned char>(t.text[0]));
  if (t.kind == token_kind::control) return t.text;
  std::string out;
  for (char const c : t.text) c == ' ' ? out += "\xe2\x96\x81" : out += c;
  return out;
}

/// What both kinds have: ids by name, special tokens, and bos in front of a text.
inline io::json common_json(vocabulary const& v, std::vector<std::string> const& names) {
  using io::json;
  json ids = json::object(), added = json::array();
  for (std::size_t id = 0; id < names.size(); ++id) {
    ids.emplace(names[id], id);
    auto const kind = v.tokens[id].kind;
    bool const user = kind == token_kind::user_defined;
    if (kind == token_kind::unknown || kind == token_kind::control || user)
      added.push_back({{"id", id},
                       {"content", names[id]},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", !user}});
  }
  json single = json::array(), special = json::object();
  if (v.add_bos) {
    auto const& name = names[std::size_t(v.bos)];
    single.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
    special[name] = {{"id", name}, {"ids", {v.bos}}, {"tokens", {name}}};
  }
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  auto pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer", nullptr},
          {"post_processor",
           {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", ids},
            {"merges", json::array()}}}};
}

inline io::json sequence(char const* kind, io::json const& parts) { return {{"type", "Sequence"}, {kind, parts}}; }

}  // namespace detail

/// Of a SentencePiece vocabulary: its pieces as merges of pairs, those of the best scores first.
inline io::json pieces_json(vocabulary const& v) {
  using io::json;
  std::vector<std::string> names;
  std::map<std::string, int> ids;  // of what a text can hold
  for (auto const& t : v.tokens) {
    names.push_back(detail::written(t));
    if (t.kind == token_kind::normal) ids.emplace(names.back(), int(names.size()) - 1);
  }
  struct merge {
    float score;
    int left, right;
  };
  std::vector<merge> merges;
  for (auto const& [text, id] : ids)
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      auto const left = ids.find(text.substr(0, cut)), right = ids.find(text.substr(cut));
      if (left != ids.end() && right != ids.end())
        merges.push_back({v.tokens[std::size_t(id)].score, left->second, right->second});
    }
  std::ranges::sort(merges, {}, [](merge const& m) { return std::tuple(-m.score, m.left, m.right); });

  auto out = detail::common_json(v, names);
  auto& model = out["model"];
  for (auto const& m : merges) model["merges"].push_back({names[std::size_t(m.left)], names[std::size_t(m.right)]});
  if (v.unknown >= 0) model["unk_token"] = names[std::size_t(v.unknown)];
  model["fuse_unk"] = model["byte_fallback"] = true;
  auto const replace = [](char const* from, char const* to) {
    return json{{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
  };
  json in = json::array(), back = {replace("\u2581", " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (v.space_prefix) {
    in.push_back({{"type", "Prepend"}, {"prepend", "\u2581"}});
    back.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  in.push_back(replace(" ", "\u2581"));
  out["normalizer"] = detail::sequence("normalizers", in);
  out["decoder"] = detail::sequence("decoders", back);
  return out;
}

/// Of a byte-level vocabulary, which `file` holds with its merges and its rule for words.
inline io::json byte_level_json(vocabulary const& v, io::gguf const& file) {
  using io::json;
  auto const& texts = *file.texts("tokenizer.ggml.tokens");
  auto out = detail::common_json(v, {texts.begin(), texts.end()});
  auto& model = out["model"];
  for (auto const merge : *file.texts("tokenizer.ggml.merges")) {
    auto const blank = merge.find(' ', 1);
    model["merges"].push_back({merge.substr(0, blank), merge.substr(blank + 1)});
  }
  auto const rule = *word_rule_of(*file.text("tokenizer.ggml.pre"));
  model["ignore_merges"] = rule.whole_words;
  bool const gpt2 = rule.shape == word_rule::family::gpt2;
  json const bytes{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", gpt2}};
  json parts = json::array();
  if (!gpt2)
    parts.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", expression_of(rule)}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  if (gpt2 && rule.digits > 0) parts.push_back({{"type", "Digits"}, {"individual_digits", true}});
  parts.push_back(bytes);
  out["pre_tokenizer"] = detail::sequence("pretokenizers", parts);
  out["decoder"] = bytes;
  return out;
}

}  // namespace cria::text
