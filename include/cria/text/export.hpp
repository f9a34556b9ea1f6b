#pragma once
// Writes SentencePiece vocabularies as others read them: its own .model, GGUF's keys, transformers' configuration.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/gguf_writer.hpp"
#include "cria/io/json.hpp"
#include "cria/io/named_file.hpp"
#include "cria/text/sentencepiece.hpp"

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

/// Fields of a protocol buffer.
inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += char(value | 0x80);
  return out += char(value);
}
inline std::string field(int number, std::int64_t value) {
  return varint(std::uint64_t(number) << 3) + varint(std::uint64_t(value));
}
inline std::string field(int number, std::string const& bytes) {
  return varint(std::uint64_t(number) << 3 | 2) + varint(bytes.size()) + bytes;
}
inline std::string field(int number, float value) {
  return varint(std::uint64_t(number) << 3 | 5).append(io::as_text(std::as_bytes(std::span(&value, 1))));
}

}  // namespace detail

/// SentencePiece's .model. Source: sentencepiece_model.proto.
inline std::string sentencepiece_model(vocabulary const& v) {
  using detail::field;
  std::string out;
  bool bytes = false;
  for (auto const& t : v.tokens) {
    out += field(1, field(1, detail::written(t)) + field(2, t.score) + field(3, std::int64_t(t.kind)));
    bytes |= t.kind == token_kind::byte;
  }
  auto const number = [](int which, int value) { return field(which, std::int64_t(value)); };
  out += field(2, number(3, 2) + number(4, int(v.tokens.size())) + number(35, bytes) + number(40, v.unknown) +
                      number(41, v.bos) + number(42, v.eos) + number(43, -1));
  return out + field(3, field(1, std::string("identity")) + number(3, v.space_prefix) + number(4, 0) + number(5, 1));
}

/// The keys of model "llama" that llama.cpp reads.
inline void add_tokenizer(io::gguf_writer& file, vocabulary const& v) {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<std::int32_t> kinds;
  for (auto const& t : v.tokens)
    texts.push_back(detail::written(t)), scores.push_back(t.score), kinds.push_back(std::int32_t(t.kind));
  file.text("tokenizer.ggml.model", "llama").text("tokenizer.ggml.pre", "default");
  file.texts("tokenizer.ggml.tokens", texts).numbers("tokenizer.ggml.scores", scores);
  file.numbers("tokenizer.ggml.token_type", kinds);
  for (auto const& [name, id] : {std::pair{"bos", v.bos}, {"eos", v.eos}, {"eot", v.eot}, {"unknown", v.unknown}})
    if (id >= 0) file.whole(fmt::format("tokenizer.ggml.{}_token_id", name), std::uint32_t(id));
  file.boolean("tokenizer.ggml.add_bos_token", v.add_bos).boolean("tokenizer.ggml.add_eos_token", false);
  file.boolean("tokenizer.ggml.add_space_prefix", v.space_prefix);
}

/// tokenizer.json of Hugging Face's tokenizers: the same pieces as merges of pairs, those of the best scores first.
inline io::json tokenizer_json(vocabulary const& v) {
  using io::json;
  std::map<std::string, int> ids;  // written, not of control tokens, which a text cannot hold
  json vocabulary = json::object(), added = json::array();
  for (int id = 0; auto const& t : v.tokens) {
    auto const text = detail::written(t);
    if (t.kind == token_kind::normal) ids.emplace(text, id);
    vocabulary.emplace(text, id);
    if (t.kind == token_kind::unknown || t.kind == token_kind::control || t.kind == token_kind::user_defined)
      added.push_back({{"id", id},
                       {"content", text},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", t.kind != token_kind::user_defined}});
    ++id;
  }
  struct merge {
    float score;
    int left, right;
    std::string first, second;
  };
  std::vector<merge> merges;
  for (auto const& [text, id] : ids)
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      auto const left = ids.find(text.substr(0, cut)), right = ids.find(text.substr(cut));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({v.tokens[std::size_t(id)].score, left->second, right->second, left->first, right->first});
    }
  std::ranges::sort(merges, [](auto const& a, auto const& b) {
    return std::tuple(-a.score, a.left, a.right) < std::tuple(-b.score, b.left, b.right);
  });
  json pairs = json::array();
  for (auto const& m : merges) pairs.push_back({m.first, m.second});

  auto const blank = [](char const* from, char const* to) {
    return json{{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
  };
  json normalizers = json::array(), decoders = json::array(), template_ = json::array(), special = json::object();
  if (v.space_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", "\u2581"}});
  normalizers.push_back(blank(" ", "\u2581"));
  decoders = {blank("\u2581", " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (v.space_prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  if (v.add_bos) {
    auto const name = detail::written(v.tokens[std::size_t(v.bos)]);
    template_.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
    special[name] = {{"id", name}, {"ids", {v.bos}}, {"tokens", {name}}};
  }
  template_.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  auto pair = template_;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  auto const unknown = v.unknown < 0 ? json() : json(detail::written(v.tokens[std::size_t(v.unknown)]));
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
          {"pre_tokenizer", nullptr},
          {"post_processor",
           {{"type", "TemplateProcessing"}, {"single", template_}, {"pair", pair}, {"special_tokens", special}}},
          {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", unknown},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"ignore_merges", false},
            {"vocab", vocabulary},
            {"merges", pairs}}}};
}

/// tokenizer_config.json for transformers. The class is the one that takes tokenizer.json as it is: LlamaTokenizer puts
/// no blank in front of a text that begins with one, other than SentencePiece.
inline io::json tokenizer_config(vocabulary const& v) {
  auto const name = [&](int id) { return id < 0 ? io::json() : io::json(detail::written(v.tokens[std::size_t(id)])); };
  return {{"tokenizer_class", "PreTrainedTokenizerFast"},
          {"bos_token", name(v.bos)},
          {"eos_token", name(v.eos)},
          {"unk_token", name(v.unknown)},
          {"clean_up_tokenization_spaces", false}};
}

}  // namespace cria::text
