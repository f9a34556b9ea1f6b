#pragma once
// A tokenizer as the keys of a GGUF: from pieces with scores, from tokens with ranks, and from tokenizer.json.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/gguf_writer.hpp"
#include "cria/text/files.hpp"
#include "cria/text/tokenizer_json.hpp"

namespace cria::text {
namespace detail {

inline void add_special(io::gguf_writer& file, vocabulary const& v) {
  for (auto const& [name, id] : {std::pair{"bos", v.bos}, {"eos", v.eos}, {"eot", v.eot}, {"unknown", v.unknown}})
    if (id >= 0) file.whole(fmt::format("tokenizer.ggml.{}_token_id", name), std::uint32_t(id));
  file.boolean("tokenizer.ggml.add_bos_token", v.add_bos).boolean("tokenizer.ggml.add_eos_token", false);
}

/// Kinds by id, and what stands for ids from there up to `size`.
inline void add_tokens(io::gguf_writer& file, std::vector<std::string> texts, vocabulary const& v, int size) {
  std::vector<std::int32_t> kinds;
  for (auto const& t : v.tokens) kinds.push_back(std::int32_t(t.kind));
  for (int id = int(texts.size()); id < size; ++id)
    texts.push_back({}), kinds.push_back(std::int32_t(token_kind::unused));
  for (std::size_t id = 0; id < texts.size(); ++id)
    if (texts[id].empty()) texts[id] = fmt::format("[PAD{}]", id);
  file.texts("tokenizer.ggml.tokens", texts).numbers("tokenizer.ggml.token_type", kinds);
}

/// Scores that give pieces the order of a tokenizer.json's merges: the later one appears, the less. Throws cria::error,
/// under the name `path`, where merges of two pieces take turns, or where not all pairs that make a piece are merged:
/// scores cannot say that.
inline std::vector<float> scores_of(vocabulary const& v, std::vector<std::string> const& names,
                                    std::vector<std::pair<std::string, std::string>> const& merges,
                                    std::string const& path) {
  std::map<std::string_view, std::size_t> ids;
  for (std::size_t id = 0; id < names.size(); ++id)
    if (v.tokens[id].kind == token_kind::normal) ids.emplace(names[id], id);
  std::vector<float> scores(names.size(), 0);
  std::vector<std::size_t> pairs(names.size(), 0);
  float rank = 0;
  std::string last;
  for (auto const& [left, right] : merges) {
    if (!ids.contains(left) || !ids.contains(right)) continue;  // of tokens that are found in a text before
    auto const whole = left + right;
    auto const id = ids.find(whole);
    if (id == ids.end()) continue;
    if (whole != last) rank -= 1;
    if (scores[id->second] != 0 && scores[id->second] != rank)
      throw error(path, "order of merges", "all that make a piece together, as SentencePiece has them",
                  "those of \"" + io::printable(whole) + "\" apart");
    scores[id->second] = rank, ++pairs[id->second], last = whole;
  }
  for (auto const& [text, id] : ids) {
    std::size_t possible = 0;
    for (std::size_t cut = 1; cut < text.size(); ++cut)
      possible += ids.contains(text.substr(0, cut)) && ids.contains(text.substr(cut));
    if (possible != pairs[id])
      throw error(path, "merges of \"" + io::printable(text) + "\"", fmt::format("{}, all that make it", possible),
                  std::to_string(pairs[id]));
  }
  return scores;
}

}  // namespace detail

/// The keys of a SentencePiece vocabulary that llama.cpp reads, with unused tokens up to `size`.
inline void add_pieces(io::gguf_writer& file, vocabulary const& v, int size) {
  std::vector<std::string> texts;
  std::vector<float> scores;
  for (auto const& t : v.tokens) texts.push_back(detail::written(t)), scores.push_back(t.score);
  scores.resize(std::max(scores.size(), std::size_t(std::max(size, 0))));
  file.text("tokenizer.ggml.model", "llama").text("tokenizer.ggml.pre", "default");
  file.numbers("tokenizer.ggml.scores", scores);
  detail::add_tokens(file, std::move(texts), v, size), detail::add_special(file, v);
  file.boolean("tokenizer.ggml.add_space_prefix", v.space_prefix);
}

/// The keys of Llama 3's vocabulary as tiktoken has it, ids being ranks, with unused tokens up to `size`. Merges are the
/// pairs that make a token, by its rank and theirs, as transformers makes them.
inline void add_ranks(io::gguf_writer& file, vocabulary const& v, int size) {
  std::unordered_map<std::string, int> ids;
  std::vector<std::string> texts, merges;
  for (auto const& t : v.tokens) {
    bool const normal = t.kind == token_kind::normal;
    if (normal) ids.emplace(t.text, int(texts.size()));
    texts.push_back(normal ? written_bytes(t.text) : t.text);
  }
  for (auto const& t : v.tokens) {
    if (t.kind != token_kind::normal) continue;
    auto pairs = detail::merge_table::pairs_of(t.text, ids);
    std::ranges::sort(pairs);
    for (auto const& [left, right] : pairs) merges.push_back(texts[std::size_t(left)] + ' ' + texts[std::size_t(right)]);
  }
  file.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "llama-bpe").texts("tokenizer.ggml.merges", merges);
  detail::add_tokens(file, std::move(texts), v, size), detail::add_special(file, v);
}

/// The keys of the tokenizer in a tokenizer.json, with unused tokens up to `size`. Returns what they cannot say.
inline std::vector<std::string> add_json(io::gguf_writer& to, io::mapped_file const& file, int size) {
  auto const& path = file.path();
  auto const tokens = read_tokenizer_json(path, file.bytes(), json_beside(path, "tokenizer_config.json"));
  auto const& v = tokens->tokens();
  auto const object = io::parse_json(path, io::as_text(file.bytes()));  // of the right form: it was read
  auto const& model = object["model"];
  std::vector<std::string> names(v.tokens.size()), lost;
  for (auto const& [text, id] : model["vocab"].items()) names[id.get<std::size_t>()] = text;
  for (auto const& a : object.value("added_tokens", io::json::array()))
    names[a["id"].get<std::size_t>()] = a["content"].get<std::string>();
  std::vector<std::pair<std::string, std::string>> merges;
  for (auto const& m : model["merges"]) {
    auto const text = m.is_string() ? m.get<std::string>() : "";
    auto const blank = text.find(' ', 1);
    if (m.is_string() && blank != text.npos) merges.emplace_back(text.substr(0, blank), text.substr(blank + 1));
    if (m.is_array()) merges.emplace_back(m[0].get<std::string>(), m[1].get<std::string>());
  }
  if (v.nfc) lost.push_back("the tokenizer's normalisation of texts to NFC");
  if (auto const* const words = dynamic_cast<byte_level const*>(tokens.get())) {
    auto const pre = name_of(words->rule());
    if (pre.empty())
      throw error(path, "rule for words", "one that llama.cpp has a name for", expression_of(words->rule()));
    std::vector<std::string> joined;
    for (auto const& [left, right] : merges) joined.push_back(left + " " + right);
    to.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", pre).texts("tokenizer.ggml.merges", joined);
  } else {
    if (v.lenient_prefix) lost.push_back("that texts which begin with a blank get none in front");
    if (v.prefix_once) lost.push_back("that texts behind special tokens get no blank in front");
    auto scores = detail::scores_of(v, names, merges, path);
    scores.resize(std::max(scores.size(), std::size_t(std::max(size, 0))));
    to.text("tokenizer.ggml.model", "llama")
        .text("tokenizer.ggml.pre", "default")
        .numbers("tokenizer.ggml.scores", scores);
    to.boolean("tokenizer.ggml.add_space_prefix", v.space_prefix);
  }
  detail::add_tokens(to, std::move(names), v, size), detail::add_special(to, v);
  return lost;
}

}  // namespace cria::text
