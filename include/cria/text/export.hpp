#pragma once
// Tokenizers as others read them: SentencePiece's .model, GGUF's keys, the files of a folder in Hugging Face's layout.
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/gguf_writer.hpp"
#include "cria/io/json.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/io/named_file.hpp"
#include "cria/text/files.hpp"
#include "cria/text/json_to_gguf.hpp"
#include "cria/text/tokenizer_json.hpp"

namespace cria::text {
namespace detail {

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

/// tokenizer_config.json for transformers. The class is the one that takes tokenizer.json as it is: LlamaTokenizer puts
/// no blank in front of a text that begins with one, other than SentencePiece.
inline io::json tokenizer_config(vocabulary const& v, std::string_view chat_template) {
  io::json config{{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  for (auto const& [name, id] : {std::pair{"bos_token", v.bos}, {"eos_token", v.eos}, {"unk_token", v.unknown}})
    if (id >= 0 && v.tokens[std::size_t(id)].kind != token_kind::normal)
      config[name] = detail::written(v.tokens[std::size_t(id)]);
  if (v.bos >= 0 && !v.add_bos) config["add_bos_token"] = false;
  if (!chat_template.empty()) config["chat_template"] = chat_template;
  return config;
}

/// Gives a GGUF the tokenizer in the file `from` and its chat template: from a GGUF all that it says of it, from
/// SentencePiece's and llama2.c's formats the pieces, from tiktoken's and a tokenizer.json the tokens and merges; and
/// unused tokens up to `size`, for llama.cpp wants one for each row of the embedding. Returns what the GGUF cannot say.
/// Throws cria::error for a tokenizer.json whose rule for words, or order of merges, llama.cpp has no form for.
inline std::vector<std::string> add_tokenizer(io::gguf_writer& to, std::string const& from, int size = 0) {
  io::mapped_file file(tokenizer_file(from));
  std::vector<std::string> lost;
  if (io::gguf::recognises(file.bytes())) {
    io::gguf const source(std::move(file));
    auto const tokens = open_tokenizer(source);  // checks it
    bool const padded = tokens->size() < size;
    constexpr std::string_view by_token[]{"tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type"};
    for (auto const key : source.keys())
      if (key.starts_with("tokenizer.") && !(padded && std::ranges::count(by_token, key) > 0)) to.copy(source, key);
    if (!padded) return lost;
    auto const& texts = *source.texts(by_token[0]);
    if (auto scores = source.numbers<float>(by_token[1]); !scores.empty())
      scores.resize(std::size_t(size)), to.numbers(by_token[1], scores);
    detail::add_tokens(to, {texts.begin(), texts.end()}, tokens->tokens(), size);
    return lost;
  }
  if (is_tokenizer_json(file.bytes())) lost = add_json(to, file, size);
  else if (is_tiktoken(file.bytes())) add_ranks(to, open_tokenizer(std::move(file))->tokens(), size);
  else add_pieces(to, open_tokenizer(file.path())->tokens(), size);
  if (auto const chat = chat_template(from); !chat.empty()) to.text("tokenizer.chat_template", chat);
  return lost;
}

/// The files that give a folder in Hugging Face's layout the tokenizer in the file `from`. A tokenizer.json goes as it
/// is, with what lies beside it, and so does a tokenizer.model that has one beside it. Of the others, for the library
/// tokenizer.model, or tokenizer.gguf, a GGUF without tensors, where it comes from a GGUF; for transformers
/// tokenizer.json and tokenizer_config.json. tokenizer.gguf has unused tokens up to `size`. Throws cria::error for pieces
/// that are no UTF-8, which JSON cannot say.
inline std::vector<io::named_file> tokenizer_files(std::string const& from, int size = 0) {
  io::mapped_file file(tokenizer_file(from));
  std::vector<io::named_file> files;
  auto const add = [&](char const* name, io::json const& content) {
    try {
      files.push_back({name, content.dump(1) + '\n'});
    } catch (io::json::exception const&) {
      throw error(from, "tokens", "UTF-8", "other bytes");
    }
  };
  auto const as_they_are = [&](std::initializer_list<char const*> names) {
    for (auto const* const name : names)
      if (auto const beside = std::filesystem::path(file.path()).replace_filename(name);
          io::is_there(beside.string())) {
        io::mapped_file const content(beside.string());
        io::read_json(content, 100'000'000);  // checks it
        files.push_back({name, std::string(io::as_text(content.bytes()))});
      }
  };
  auto const json_beside = std::filesystem::path(file.path()).replace_filename("tokenizer.json");
  bool const model = is_sentencepiece(file.bytes()) && io::is_there(json_beside.string());
  if (is_tokenizer_json(file.bytes()) || model) {
    open_tokenizer(from);  // checks it
    files.push_back({model ? "tokenizer.model" : "tokenizer.json", std::string(io::as_text(file.bytes()))});
    if (model) as_they_are({"tokenizer.json"});
    as_they_are({"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"});
    if (auto content = jinja_beside(file.path()); !content.empty())
      files.push_back({"chat_template.jinja", std::move(content)});
    return files;
  }
  if (!io::gguf::recognises(file.bytes()) && !is_tiktoken(file.bytes())) {
    std::string const as_is(is_sentencepiece(file.bytes()) ? io::as_text(file.bytes()) : "");
    auto const tokens = open_tokenizer(file.path());
    files.push_back({"tokenizer.model", as_is.empty() ? sentencepiece_model(tokens->tokens()) : as_is});
    add("tokenizer.json", pieces_json(tokens->tokens()));
    add("tokenizer_config.json", tokenizer_config(tokens->tokens(), chat_template(from)));
    return files;
  }
  io::gguf_writer keys;
  keys.text("general.architecture", "llama").text("general.type", "vocab");
  add_tokenizer(keys, from, size);
  auto const head = keys.head();
  files.push_back({"tokenizer.gguf", head});
  io::gguf const source(io::mapped_file(file.path(), std::as_bytes(std::span(head))));
  auto const tokens = open_tokenizer(source);
  bool const pieces = source.text("tokenizer.ggml.model") == "llama";
  add("tokenizer.json", pieces ? pieces_json(tokens->tokens()) : byte_level_json(tokens->tokens(), source));
  add("tokenizer_config.json", tokenizer_config(tokens->tokens(), source.text("tokenizer.chat_template").value_or("")));
  return files;
}

}  // namespace cria::text
