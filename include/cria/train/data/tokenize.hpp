#pragma once
// Files of text become documents of tokens, on several threads and in order.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/json.hpp"
#include "cria/text/tokenizer.hpp"
#include "cria/text/utf8.hpp"
#include "cria/train/data/corpus.hpp"
#include "cria/train/data/documents.hpp"
#include "cria/train/data/text_files.hpp"

namespace cria::train {
namespace detail {

/// Records of some files in a row, about as many as take a tenth of a second.
struct text_batch {
  static constexpr std::size_t bytes = 1 << 18;

  struct entry {
    std::size_t file;
    text_record record;
  };
  std::vector<entry> entries;
  std::size_t size = 0;
  std::uint64_t behind = 0;  // bytes of all files up to its end
};

struct token_batch {
  struct entry {
    std::size_t file, tokens;
  };
  std::vector<entry> entries;
  std::vector<int> tokens;
  std::uint64_t behind = 0;
};

/// The document in a JSON line; nothing in an empty one.
inline std::string text_of_line(std::string const& where, std::string_view line, std::string const& field) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return {};
  auto const json = io::parse_json(where, line, 64);
  if (!json.is_object()) throw error(where, "not understood", "a JSON object", json.type_name());
  auto const found = json.find(field);
  if (found == json.end() || !found->is_string())
    throw error(where, io::printable(field), "a text", found == json.end() ? "no such member" : found->type_name());
  return found->get<std::string>();
}

/// Without white space around it.
inline std::string_view stripped(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\f\v";
  auto const first = text.find_first_not_of(blank);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

inline token_batch tokenize(text_batch const& batch, std::vector<text_file> const& files,
                            text::tokenizer const& tokenizer, std::string const& field) {
  token_batch out;
  out.behind = batch.behind;
  for (auto const& [index, record] : batch.entries) {
    auto const& file = files[index];
    std::string const where = file.json_lines() ? fmt::format("{}: line {}", file.path, record.at) : file.path;
    if (auto const at = text::first_malformed(record.text))
      throw error(where, fmt::format("byte {}", *at + (file.json_lines() ? 0 : record.at)), "UTF-8",
                  fmt::format("0x{:02x}", static_cast<unsigned char>(record.text[*at])));
    std::string const line = file.json_lines() ? text_of_line(where, record.text, field) : std::string();
    auto const text = stripped(file.json_lines() ? line : record.text);
    if (text.empty()) continue;
    try {
      auto const ids = tokenizer.encode(text);
      out.tokens.push_back(tokenizer.bos());
      out.tokens.insert(out.tokens.end(), ids.begin(), ids.end());
      out.entries.push_back({index, ids.size() + 1});
    } catch (error const& e) {
      throw error(where, e.what());
    }
  }
  return out;
}

}  // namespace detail

/// How tokenize_texts works. `progress` is called with the bytes that are done; what it throws ends the work.
struct tokenize_options {
  text_format format;
  int threads = 1;
  std::function<void(std::uint64_t)> progress = [](std::uint64_t) {};
};

/// Calls sink(tokens) with each document of `files`, in order and on this thread: bos, and the tokens of the text
/// without the white space around it; names of control tokens are text. Documents without text are left out. Returns
/// what became of each file. Memory is bounded by the number of threads. Throws cria::error for text that is not UTF-8
/// and for JSON lines without the field, of several faults the first.
template <class Sink>
std::vector<corpus_source> tokenize_texts(std::vector<text_file> const& files, text::tokenizer const& tokenizer,
                                          tokenize_options const& options, Sink&& sink) {
  id_of(tokenizer);  // there is a bos token
  std::vector<corpus_source> out;
  std::deque<std::future<detail::token_batch>> working;
  auto const finish_one = [&] {
    auto const done = working.front().get();
    working.pop_front();
    std::size_t begin = 0;
    for (auto const& [file, count] : done.entries) {
      sink(std::span(done.tokens).subspan(std::exchange(begin, begin + count), count));
      ++out[file].documents, out[file].tokens += count;
    }
    options.progress(done.behind);
  };
  detail::text_batch batch;
  auto const start = [&] {
    if (working.size() >= std::size_t(options.threads)) finish_one();
    working.push_back(std::async(std::launch::async, [&, work = std::exchange(batch, {})] {
      return detail::tokenize(work, files, tokenizer, options.format.field);
    }));
  };
  auto const finish = [&] {
    if (!batch.entries.empty()) start();
    while (!working.empty()) finish_one();
  };
  auto const next = [&](text_reader& reader, text_record& to) {
    try {
      return reader.next(to);
    } catch (error const&) {
      finish();  // a fault in what was read before comes first
      throw;
    }
  };
  std::uint64_t before = 0;  // bytes of the files that are behind
  for (std::size_t file = 0; file < files.size(); ++file) {
    out.push_back({files[file].path, 0, 0, 0});
    text_reader reader(files[file], options.format);
    for (text_record record; next(reader, record);) {
      batch.size += record.text.size() + sizeof record;  // empty ones take memory too
      batch.entries.push_back({file, std::move(record)});
      batch.behind = before + reader.position();
      if (batch.size >= detail::text_batch::bytes) start();
    }
    out[file].bytes = reader.position();
    before += reader.position();
  }
  finish();
  return out;
}

/// Texts as a corpus in memory: the same documents as those of a corpus in a folder that is made of them.
inline std::shared_ptr<corpus_in_memory const> corpus_of_texts(std::string name, std::vector<text_file> const& files,
                                                               text::tokenizer const& tokenizer,
                                                               tokenize_options const& options = {}) {
  corpus_in_memory::builder all;
  tokenize_texts(files, tokenizer, options, [&](std::span<int const> document) { all.add(document); });
  if (all.table.empty()) throw error(name, "no text", "one document at least", "none");
  return std::make_shared<corpus_in_memory>(std::move(name), id_of(tokenizer), std::move(all));
}

}  // namespace cria::train
