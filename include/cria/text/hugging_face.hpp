#pragma once
// tokenizer.json of Hugging Face's tokenizers, read, and what lies beside it. Byte-pair encoding of both kinds: of
// bytes, and of pieces as SentencePiece has them. Source: the tokenizers library's models, normalizers, pre_tokenizers
// and processors.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/json.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/text/byte_level.hpp"
#include "cria/text/sentencepiece.hpp"
#include "cria/text/vocabulary.hpp"
#include "cria/text/words.hpp"

namespace cria::text {

/// A JSON object, where llama2.c's format would have a length beyond all pieces.
inline bool is_tokenizer_json(std::span<std::byte const> bytes) {
  auto const text = io::as_text(bytes.first(std::min<std::size_t>(bytes.size(), 64)));
  auto const first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return false;
  auto const next = text.find_first_not_of(" \t\r\n", first + 1);
  return next != std::string_view::npos && (text[next] == '"' || text[next] == '}');
}

/// The JSON object in the file `name` of the folder of `path`; null where there is none.
inline io::json json_beside(std::string const& path, char const* name) {
  auto const file = std::filesystem::path(path).replace_filename(name);
  if (!io::is_there(file.string())) return {};
  auto object = io::read_json(io::mapped_file(file.string()), 64 << 20);
  if (!object.is_object()) throw error(file.string(), "content", "a JSON object", object.type_name());
  return object;
}

/// What is in the chat_template.jinja of the folder of `path`, of at most 1 MiB; empty where there is none.
inline std::string jinja_beside(std::string const& path) {
  auto const file = std::filesystem::path(path).replace_filename("chat_template.jinja");
  if (!io::is_there(file.string())) return {};
  io::mapped_file const content(file.string());
  constexpr std::size_t most = 1 << 20;
  if (content.bytes().size() > most)
    throw error(file.string(), "size", fmt::format("at most {} bytes", most), std::to_string(content.bytes().size()));
  return std::string(io::as_text(content.bytes()));
}

/// The chat template in the folder of `path`: chat_template.jinja, or of tokenizer_config.json the text, or of several
/// the one called default. Empty where there is none.
inline std::string template_beside(std::string const& path) {
  if (auto content = jinja_beside(path); !content.empty()) return content;
  auto const config = json_beside(path, "tokenizer_config.json");
  auto const found = config.find("chat_template");
  if (found == config.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  for (auto const& one : *found)
    if (one.is_object() && one.value("name", io::json()) == "default" && one.value("template", io::json()).is_string())
      return one["template"].get<std::string>();
  return {};
}

namespace detail {

/// The token of this name; -1: none.
inline int id_of(vocabulary const& v, std::string_view name) {
  for (std::size_t id = 0; id < v.tokens.size() && !name.empty(); ++id)
    if (v.tokens[id].text == name && v.tokens[id].kind != token_kind::unused) return int(id);
  return -1;
}

/// The name of a special token by tokenizer_config.json, which may be null; empty where it says none.
inline std::string special_name(io::json const& config, char const* member) {
  auto value = config.is_object() ? config.value(member, io::json()) : io::json();
  if (value.is_object()) value = value.value("content", io::json());
  return value.is_string() ? value.get<std::string>() : "";
}

/// Whether texts begin with bos, by tokenizer_config.json, or as they do `otherwise`.
inline bool begins_with_bos(vocabulary const& v, io::json const& config, bool otherwise) {
  auto const said = config.is_object() ? config.value("add_bos_token", io::json()) : io::json();
  return v.bos >= 0 && (said.is_boolean() ? said == true : otherwise);
}

class tokenizer_json {
 public:
  tokenizer_json(std::string path, io::json object, io::json const& config)
      : path_(std::move(path)), all_(std::move(object)), config_(config) {}

  std::unique_ptr<tokenizer> read() {
    auto const& model = member(all_, "model", io::json::value_t::object);
    if (auto const type = model.value("type", io::json("BPE")); type != "BPE") refuse("type of the model", "BPE", type);
    for (auto const* const name : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"})
      if (auto const value = model.value(name, io::json()); !value.is_null() && value != "" && value != 0.0)
        refuse(fmt::format("{} is not supported", name), "none", value);
    byte_fallback_ = model.value("byte_fallback", io::json()) == true;
    read_tokens(model);
    read_merges(model);
    auto const steps = listed("pre_tokenizer", "pretokenizers");
    bool const bytes = std::ranges::any_of(steps, [](auto const* s) { return kind(*s) == "ByteLevel"; });
    if (!bytes && !byte_fallback_)
      throw error(path_, "kind of the tokenizer", "ByteLevel words, or pieces with byte_fallback", "another");
    read_normalizer(bytes);
    auto const rule = bytes ? words(steps, model) : std::nullopt;
    if (!bytes) read_metaspace(steps);
    read_special(model);
    complete(v_, path_);
    std::vector<std::string_view> const merges(merges_.begin(), merges_.end());
    if (bytes) return std::make_unique<byte_level>(std::move(v_), merges, *rule, path_);
    if (merges.empty()) throw error(path_, "merges", "one and more", "none");
    return std::make_unique<sentencepiece>(std::move(v_), path_, merges);
  }

 private:
  static std::string kind(io::json const& step) {
    auto const type = step.is_object() ? step.value("type", io::json()) : io::json();
    return type.is_string() ? type.get<std::string>() : "";
  }

  [[noreturn]] void refuse(std::string_view what, std::string_view expected, io::json const& found) const {
    throw error(path_, what, expected, io::printable(found.dump(-1, ' ', true, io::json::error_handler_t::replace)));
  }

  io::json const& member(io::json const& object, char const* name, io::json::value_t type) const {
    auto const found = object.is_object() ? object.find(name) : object.end();
    if (found == object.end() || found->type() != type)
      throw error(path_, name, io::json(type).type_name(), "something else");
    return *found;
  }

  int id_in(io::json const& value, std::string_view what) const {
    constexpr std::uint64_t most = 1 << 24;
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= most)
      refuse(what, fmt::format("0 to {}", most - 1), value);
    return value.get<int>();
  }

  void read_tokens(io::json const& model) {
    auto const& vocabulary = member(model, "vocab", io::json::value_t::object);
    auto const added = all_.value("added_tokens", io::json::array());
    if (!added.is_array()) refuse("added_tokens", "an array", added);
    // ids have no gaps but where tokens were taken out
    std::size_t const most = 2 * (vocabulary.size() + added.size()) + 1024;
    auto const place = [&](int id) -> token& {
      if (std::size_t(id) >= most)
        throw error(path_, "id of a token", fmt::format("less than {}", most), std::to_string(id));
      for (auto n = v_.tokens.size(); n <= std::size_t(id); ++n) v_.tokens.push_back({{}, 0, token_kind::unused});
      return v_.tokens[std::size_t(id)];
    };
    for (auto const& [text, id] : vocabulary.items()) {
      auto& t = place(id_in(id, "id of a token"));
      if (t.kind != token_kind::unused) throw error(path_, fmt::format("token {}", id.get<int>()), "one text", "two");
      t = {text, 0, byte_fallback_ && byte_of_name(text) ? token_kind::byte : token_kind::normal};
    }
    for (auto const& a : added) {
      auto const& text = member(a, "content", io::json::value_t::string).get_ref<std::string const&>();
      bool const special = a.value("special", io::json()) == true;
      for (auto const* const name : {"lstrip", "rstrip", "single_word"})  // special ones are put in by id
        if (!special && a.value(name, io::json()) == true)
          refuse(fmt::format("{} of an added token", name), "false", text);
      place(id_in(a.value("id", io::json()), "id of an added token")) = {
          text, 0, special ? token_kind::control : token_kind::user_defined};
    }
  }

  void read_merges(io::json const& model) {
    for (auto const& m : member(model, "merges", io::json::value_t::array)) {
      bool const pair = m.is_array() && m.size() == 2 && m[0].is_string() && m[1].is_string();
      if (!pair && !m.is_string())
        refuse(fmt::format("merge {}", merges_.size()), "\"left right\" or [left, right]", m);
      merges_.push_back(pair ? m[0].get<std::string>() + " " + m[1].get<std::string>() : m.get<std::string>());
    }
  }

  /// The steps of a member, whether it is a sequence or a single one.
  std::vector<io::json const*> listed(char const* name, char const* parts) const {
    auto const found = all_.find(name);
    if (found == all_.end() || found->is_null()) return {};
    if (kind(*found) != "Sequence") return {&*found};
    std::vector<io::json const*> out;
    for (auto const& step : member(*found, parts, io::json::value_t::array)) out.push_back(&step);
    return out;
  }

  void read_normalizer(bool bytes) {
    bool blanks = false;
    for (auto const* const step : listed("normalizer", "normalizers")) {
      bool const sign = step->value("content", io::json()) == "\u2581" &&
                        step->value("pattern", io::json()) == io::json{{"String", " "}};
      if (bytes && kind(*step) == "NFC")
        v_.nfc = true;
      else if (!bytes && kind(*step) == "Prepend" && step->value("prepend", io::json()) == "\u2581" && !blanks)
        v_.space_prefix = true;
      else if (!bytes && kind(*step) == "Replace" && sign)
        blanks = true;
      else
        refuse("normalisation of the text is not supported", bytes ? "none or NFC" : "\u2581 in front and for blanks",
               *step);
    }
    normalizes_blanks_ = blanks;
  }

  /// How words are cut: ByteLevel's own rule, after Digits or without, or an expression in front of it.
  std::optional<word_rule> words(std::vector<io::json const*> const& steps, io::json const& model) const {
    using enum word_rule::family;
    bool const whole = model.value("ignore_merges", io::json()) == true;
    auto const& last = *steps.back();
    bool const own = last.value("use_regex", io::json(true)) == true;
    auto refuse_all = [&] {
      refuse("pre_tokenizer is not supported", "the rule of GPT-2, Llama 3 or Qwen2", all_.at("pre_tokenizer"));
    };
    if (kind(last) != "ByteLevel" || last.value("add_prefix_space", io::json(false)) == true || steps.size() > 2)
      refuse_all();
    if (steps.size() == 1 && own) return word_rule{gpt2, 0, whole};
    auto const& first = *steps.front();
    if (steps.size() == 2 && own && kind(first) == "Digits" && first.value("individual_digits", io::json()) == true)
      return word_rule{gpt2, 1, whole};
    if (steps.size() == 2 && !own && kind(first) == "Split" && first.value("behavior", io::json()) == "Isolated" &&
        first.value("invert", io::json(false)) == false) {
      auto const pattern = first.value("pattern", io::json());
      for (auto const& rule : {word_rule{gpt2, 0, whole}, {llama3, 1, whole}, {llama3, 2, whole}, {llama3, 3, whole}})
        if (pattern == io::json{{"Regex", expression_of(rule)}}) return rule;
      refuse("expression for words is not supported", "that of GPT-2, Llama 3 or Qwen2", pattern);
    }
    refuse_all();
    return {};
  }

  /// What stands for blanks, where the normaliser doesn't say.
  void read_metaspace(std::vector<io::json const*> const& steps) {
    for (auto const* const step : steps) {
      if (kind(*step) == "Split" && normalizes_blanks_ &&
          step->value("pattern", io::json()) == io::json{{"String", " "}})
        continue;  // none is left
      bool const fits = kind(*step) == "Metaspace" && step->value("replacement", io::json()) == "\u2581" &&
                        step->value("split", io::json(true)) == false && !v_.space_prefix && steps.size() == 1;
      auto const scheme = step->value("prepend_scheme", io::json("always"));
      if (!fits || (scheme != "always" && scheme != "first" && scheme != "never"))
        refuse("pre_tokenizer is not supported", "Metaspace without split, or none", *step);
      v_.space_prefix = v_.lenient_prefix = scheme != "never";
      v_.prefix_once = scheme == "first";
      normalizes_blanks_ = true;
    }
    if (!normalizes_blanks_) throw error(path_, "sign for blanks", "\u2581", "none");
  }

  /// bos, eos and unknown: by tokenizer_config.json, and where it doesn't say by what is put in front of a text, and
  /// usual names.
  void read_special(io::json const& model) {
    std::string front;
    for (auto const* const step : listed("post_processor", "processors"))
      if (auto const single = step->value("single", io::json());
          kind(*step) == "TemplateProcessing" && single.is_array() && !single.empty() && single[0].is_object() &&
          single[0].contains("SpecialToken"))
        if (auto const id = single[0]["SpecialToken"].value("id", io::json()); id.is_string())
          front = id.get<std::string>();
    auto const bos = special_name(config_, "bos_token");
    v_.bos = id_of(v_, bos.empty() ? front : bos), v_.eos = id_of(v_, special_name(config_, "eos_token"));
    if (!config_.is_object())
      for (auto const* const name : {"</s>", "<|end_of_text|>", "<|endoftext|>", "<eos>"})
        if (v_.eos < 0) v_.eos = id_of(v_, name);
    v_.add_bos = begins_with_bos(v_, config_, id_of(v_, front) == v_.bos);
    if (auto const unknown = model.value("unk_token", io::json()); unknown.is_string() && byte_fallback_) {
      v_.unknown = id_of(v_, unknown.get<std::string>());
      if (v_.unknown >= 0) v_.tokens[std::size_t(v_.unknown)].kind = token_kind::unknown;
    }
  }

  std::string path_;
  io::json all_;
  io::json const& config_;
  bool byte_fallback_ = false, normalizes_blanks_ = false;
  vocabulary v_;
  std::vector<std::string> merges_;
};

}  // namespace detail

/// The tokenizer in a tokenizer.json; `config` is tokenizer_config.json, or null. Throws cria::error for models other
/// than byte-pair encoding, and for normalisation and rules for words that the library doesn't know.
inline std::unique_ptr<tokenizer> read_tokenizer_json(std::string const& path, std::span<std::byte const> bytes,
                                                      io::json const& config = {}) {
  constexpr std::size_t most = 100'000'000;
  if (bytes.size() > most)
    throw error(path, "size", fmt::format("at most {} bytes", most), std::to_string(bytes.size()));
  auto object = io::parse_json(path, io::as_text(bytes));
  try {
    return detail::tokenizer_json(path, std::move(object), config).read();
  } catch (io::json::exception const&) {
    throw error(path, "not a tokenizer", "members of the types that tokenizers writes", "others");
  }
}

}  // namespace cria::text
