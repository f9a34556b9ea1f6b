#pragma once
// Vocabularies in files: GGUF metadata, SentencePiece's .model, tiktoken's, llama2.c's tokenizer.bin, Hugging Face's
// tokenizer.json.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/gguf.hpp"
#include "cria/text/byte_level.hpp"
#include "cria/text/hugging_face.hpp"
#include "cria/text/protobuf.hpp"
#include "cria/text/sentencepiece.hpp"
#include "cria/text/tiktoken.hpp"
#include "cria/text/vocabulary.hpp"

namespace cria::text {

/// The tokenizer in a GGUF file's metadata: model "llama" (SentencePiece) or "gpt2" (byte level), by llama.cpp's names.
/// Throws cria::error for a file without one, another model, and a rule for words that the library doesn't know.
inline std::unique_ptr<tokenizer> read_gguf(io::gguf const& file) {
  auto const key = [](std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); };
  auto const model = file.text(key("model"));
  if (!model) throw error(file.path(), "missing key tokenizer.ggml.model");
  bool const pieces = *model == "llama";
  if (!pieces && *model != "gpt2") throw error(file.path(), key("model"), "llama or gpt2", io::printable(*model));

  auto const* const texts = file.texts(key("tokens"));
  if (texts == nullptr) throw error(file.path(), "missing key tokenizer.ggml.tokens");
  auto const scores = file.numbers<float>(key("scores"));
  auto const kinds = file.numbers<std::int32_t>(key("token_type"));
  auto const as_many = [&](std::string_view name, std::size_t count, bool needed) {
    if (count != texts->size() && (needed || count != 0))
      throw error(file.path(), key(name), fmt::format("{} values, one per token", texts->size()),
                  std::to_string(count));
  };
  as_many("scores", scores.size(), pieces), as_many("token_type", kinds.size(), pieces);

  vocabulary v;
  for (std::size_t i = 0; i < texts->size(); ++i) {
    int const kind = kinds.empty() ? 1 : kinds[i];
    if (kind < 1 || kind > 6)
      throw error(file.path(), fmt::format("type of token {}", i), "1 to 6", std::to_string(kind));
    v.tokens.push_back({std::string((*texts)[i]), pieces ? scores[i] : 0.0f, token_kind(kind)});
  }
  constexpr std::int64_t none = std::numeric_limits<std::uint32_t>::max();  // as files say it
  auto const id = [&](std::string_view name, int absent) {
    auto const value = file.integer(key(name), 0, none);
    return !value ? absent : *value == none ? -1 : int(std::min<std::int64_t>(*value, 1 << 30));
  };
  v.unknown = id("unknown_token_id", pieces ? 0 : -1), v.eot = id("eot_token_id", -1);
  v.bos = id("bos_token_id", pieces ? 1 : -1), v.eos = id("eos_token_id", pieces ? 2 : -1);
  if (pieces) {
    if (file.boolean(key("remove_extra_whitespaces")).value_or(false) ||
        file.find(key("precompiled_charsmap")) != nullptr)
      throw error(file.path(), "normalisation of the text is not supported", "none",
                  "remove_extra_whitespaces or precompiled_charsmap");
    v.add_bos = file.boolean(key("add_bos_token")).value_or(v.bos >= 0);
    v.space_prefix = file.boolean(key("add_space_prefix")).value_or(true);
    complete(v, file.path());
    return std::make_unique<sentencepiece>(std::move(v), file.path());
  }
  auto const name = file.text(key("pre"));
  auto const rule = word_rule_of(name.value_or(""));
  if (!rule)
    throw error(file.path(), "tokenizer.ggml.pre is not supported",
                "gpt-2, smollm, llama-bpe, qwen2 or one of their kind", name ? io::printable(*name) : "nothing");
  auto const* const merges = file.texts(key("merges"));
  if (merges == nullptr) throw error(file.path(), "missing key tokenizer.ggml.merges");
  v.add_bos = file.boolean(key("add_bos_token")).value_or(rule->whole_words);
  complete(v, file.path());
  return std::make_unique<byte_level>(std::move(v), *merges, *rule, file.path());
}

/// llama2.c's tokenizer.bin: the longest piece's length, then for each piece score, length and bytes. Ids 0 to 2 are
/// unknown, bos and eos, and byte tokens are known by their names. Source: tokenizer.py of llama2.c.
inline std::unique_ptr<tokenizer> read_llama2c(std::string const& path, std::span<std::byte const> bytes) {
  vocabulary v;
  io::byte_reader in(path, bytes);
  in.read<std::int32_t>("the length of the longest piece");
  while (in.remaining() > 0) {
    auto const score = in.read<float>("a score");
    auto const length = in.read<std::int32_t>("a length");
    if (length < 0)
      throw error(path, fmt::format("length of piece {}", v.tokens.size()), "0 or more", std::to_string(length));
    std::string text(io::as_text(in.take(std::uint64_t(length), "a piece")));
    auto const kind = v.tokens.size() > 2 && byte_of_name(text) ? token_kind::byte : token_kind::normal;
    v.tokens.push_back({std::move(text), score, kind});
  }
  if (v.tokens.size() < 3)
    throw error(path, "vocabulary", "unknown, bos and eos at least", fmt::format("{} pieces", v.tokens.size()));
  v.unknown = 0, v.bos = 1, v.eos = 2, v.add_bos = v.space_prefix = true;
  v.tokens[0].kind = token_kind::unknown, v.tokens[1].text = "<s>", v.tokens[2].text = "</s>";
  complete(v, path);
  return std::make_unique<sentencepiece>(std::move(v), path);
}

/// SentencePiece's .model: a protobuf message. Source: sentencepiece_model.proto. `config` is tokenizer_config.json, or
/// null: its bos and eos, where they are pieces, and its add_bos_token go before the model's. Throws cria::error for a
/// model that is not byte-pair encoding, or that normalises the text.
inline std::unique_ptr<tokenizer> read_sentencepiece(std::string const& path, std::span<std::byte const> bytes,
                                                     io::json const& config = {}) {
  vocabulary v;
  v.unknown = 0, v.bos = 1, v.eos = 2, v.space_prefix = true;
  std::uint64_t model_type = 1;
  bool squeeze = true, charsmap = false, suffix = false;
  protobuf message(path, bytes);
  while (message.next()) {
    if (message.field() == 1) {
      token t;
      protobuf piece(path, message.bytes());
      while (piece.next()) {
        if (piece.field() == 1) t.text = io::as_text(piece.bytes());
        if (piece.field() == 2) t.score = piece.real();
        if (piece.field() == 3) {
          if (piece.whole() < 1 || piece.whole() > 6)
            throw error(path, fmt::format("type of piece {}", v.tokens.size()), "1 to 6",
                        std::to_string(piece.whole()));
          t.kind = token_kind(piece.whole());
        }
      }
      v.tokens.push_back(std::move(t));
    } else if (message.field() == 2) {
      protobuf trainer(path, message.bytes());
      while (trainer.next()) {
        if (trainer.field() == 3) model_type = trainer.whole();
        if (trainer.field() == 24) suffix = trainer.whole() != 0;
        if (trainer.field() == 40) v.unknown = trainer.id();
        if (trainer.field() == 41) v.bos = trainer.id();
        if (trainer.field() == 42) v.eos = trainer.id();
      }
    } else if (message.field() == 3) {
      protobuf normaliser(path, message.bytes());
      while (normaliser.next()) {
        if (normaliser.field() == 2) charsmap = !normaliser.bytes().empty();
        if (normaliser.field() == 3) v.space_prefix = normaliser.whole() != 0;
        if (normaliser.field() == 4) squeeze = normaliser.whole() != 0;
      }
    }
  }
  if (model_type != 2)
    throw error(path, "type of the SentencePiece model", "2 (byte-pair encoding)", std::to_string(model_type));
  if (squeeze || charsmap || suffix)
    throw error(path, "normalisation of the text is not supported", "none",
                charsmap  ? "a table of characters"
                : squeeze ? "removal of white space"
                          : "blanks behind words");
  for (auto const& [member, id] : {std::pair{"bos_token", &v.bos}, {"eos_token", &v.eos}})
    if (int const named = detail::id_of(v, detail::special_name(config, member)); named >= 0) *id = named;
  v.add_bos = detail::begins_with_bos(v, config, true);
  complete(v, path);
  return std::make_unique<sentencepiece>(std::move(v), path);
}

/// What tells the formats apart: llama2.c's begins with the length of the longest piece, SentencePiece's with the field
/// of a piece.
inline bool is_llama2c(std::span<std::byte const> bytes) {
  if (bytes.size() < 4) return false;
  auto const first = io::byte_reader("", bytes).read<std::uint32_t>("");
  return first >= 1 && first <= 4096;
}
inline bool is_sentencepiece(std::span<std::byte const> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0x0a} && !is_llama2c(bytes);
}

/// The tokenizer in a file of any of these formats, told apart by content. `config` is what tokenizer_config.json says
/// beside a tokenizer.json or SentencePiece's .model, or null.
inline std::unique_ptr<tokenizer> open_tokenizer(io::mapped_file file, io::json const& config = {}) {
  auto const bytes = file.bytes();
  if (io::gguf::recognises(bytes)) return read_gguf(io::gguf(std::move(file)));
  if (is_tokenizer_json(bytes)) return read_tokenizer_json(file.path(), bytes, config);
  if (is_tiktoken(bytes)) return read_tiktoken(file.path(), bytes);
  if (is_llama2c(bytes)) return read_llama2c(file.path(), bytes);
  if (is_sentencepiece(bytes)) return read_sentencepiece(file.path(), bytes, config);
  throw error(file.path(), "not a tokenizer",
              "GGUF, SentencePiece's or tiktoken's .model, tokenizer.json or llama2.c's tokenizer.bin", "something else");
}

/// The file that holds the tokenizer of `path`: that itself, or in a folder tokenizer.gguf, .model, .bin or .json;
/// .json before the others where tokens were added, which they don't have. Throws cria::error for a folder without one.
inline std::string tokenizer_file(std::string const& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  bool const added = io::is_there((fs::path(path) / "added_tokens.json").string());
  for (auto const* const name :
       {"tokenizer.gguf", added ? "tokenizer.json" : "", "tokenizer.model", "tokenizer.bin", "tokenizer.json"})
    if (auto const file = fs::path(path) / name; *name != '\0' && io::is_there(file.string())) return file.string();
  throw error(path, "has no tokenizer", "tokenizer.gguf, tokenizer.model, tokenizer.bin or tokenizer.json",
              "none of them");
}

inline std::unique_ptr<tokenizer> open_tokenizer(std::string const& path) {
  auto const name = tokenizer_file(path);
  io::mapped_file file(name);
  bool const configured = is_tokenizer_json(file.bytes()) || is_sentencepiece(file.bytes());
  return open_tokenizer(std::move(file), configured ? json_beside(name, "tokenizer_config.json") : io::json());
}
inline std::unique_ptr<tokenizer> open_tokenizer(io::gguf const& file) { return read_gguf(file); }

/// The chat template that belongs to the tokenizer of `path`: a GGUF's key, or chat_template.jinja or what
/// tokenizer_config.json says beside it. Empty where there is none.
inline std::string chat_template(std::string const& path) {
  auto const name = tokenizer_file(path);
  io::mapped_file file(name);
  if (!io::gguf::recognises(file.bytes())) return template_beside(name);
  return std::string(io::gguf(std::move(file)).text("tokenizer.chat_template").value_or(""));
}

}  // namespace cria::text
