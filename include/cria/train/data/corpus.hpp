#pragma once
// A corpus: a folder of shards, and corpus.json, which says what is in it; docs/data.md describes both.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/atomic_file.hpp"
#include "cria/io/json.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/train/data/documents.hpp"
#include "cria/train/data/members.hpp"
#include "cria/train/data/shard.hpp"

namespace cria::train {

/// A file that a corpus was made of. `bytes` are the file's, the others say what became of it.
struct corpus_source {
  std::string file;
  std::uint64_t bytes = 0, documents = 0, tokens = 0;
};

/// A corpus in a folder. Keeps its shards open.
class corpus final : public documents {
 public:
  /// Throws cria::error for a folder whose files don't fit each other or corpus.json.
  static std::shared_ptr<corpus const> open(std::string const& folder) {
    return std::shared_ptr<corpus const>(new corpus(folder, collect(folder)));
  }

 private:
  struct parts {
    vocabulary_id vocabulary;
    std::vector<shard> shards;
    std::vector<std::uint64_t> begins;  // the first token of each shard
    std::vector<document> table;
    std::uint64_t tokens = 0;
  };

  corpus(std::string const& folder, parts&& p)
      : documents(folder, p.vocabulary, std::move(p.table), p.tokens),
        shards_(std::move(p.shards)),
        begins_(std::move(p.begins)) {}

  static parts collect(std::string const& folder) {
    auto const where = (std::filesystem::path(folder) / "corpus.json").string();
    // read, not mapped: JSON is small, and a file that shrinks is an error
    io::random_access_file const file(where);
    if (file.size() > 1 << 28)
      throw error(where, "size of the file", "256 MiB at most", fmt::format("{}", file.size()));
    std::string text(std::size_t(file.size()), '\0');
    file.read(0, std::as_writable_bytes(std::span(text)), "the list of shards");
    auto const json = io::parse_json(where, text);
    detail::members const all(where, json);
    all.expect("format", all.text("format"), std::string("cria corpus"));
    all.expect("version", all.count("version"), std::uint64_t{1});

    parts out;
    std::optional<vocabulary_id> vocabulary;
    for (auto const& each : all.list("shards")) {
      auto const number = out.shards.size();
      detail::members const listed(fmt::format("{}: shard {}", where, number), each);
      auto const name = listed.text("file");
      if (name.empty() || name.front() == '.' || name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
        throw error(where, fmt::format("file of shard {}", number), "a name in this folder", io::printable(name));
      auto const& s = out.shards.emplace_back((std::filesystem::path(folder) / name).string());
      listed.expect("bytes", listed.count("bytes"), s.facts().bytes);
      listed.expect("documents", listed.count("documents"), s.facts().documents);
      listed.expect("tokens", listed.count("tokens"), s.facts().tokens);
      listed.expect("checksum", listed.text("checksum"), detail::hexadecimal(s.facts().checksum));
      if (vocabulary && !(*vocabulary == s.vocabulary()))
        throw error(s.path(), "its tokens are not those of the shards before");
      vocabulary = s.vocabulary();
      out.begins.push_back(out.tokens);
      for (auto const& d : s.table()) out.table.push_back({d.begin + out.tokens, d.hash});
      out.tokens += s.facts().tokens;
    }
    if (!vocabulary) throw error(where, "shards", "one at least", "none");
    out.vocabulary = *vocabulary;
    all.expect("documents", all.count("documents"), std::uint64_t(out.table.size()));
    all.expect("tokens", all.count("tokens"), out.tokens);
    detail::members const tokenizer(where, all.at("tokenizer"));
    tokenizer.expect("fingerprint", tokenizer.text("fingerprint"), detail::hexadecimal(vocabulary->fingerprint));
    tokenizer.expect("vocabulary", tokenizer.count("vocabulary"), std::uint64_t(vocabulary->size));
    tokenizer.expect("bos", tokenizer.count("bos"), std::uint64_t(vocabulary->bos));
    return out;
  }

  void fetch(std::uint64_t first, std::span<int> to) const override {
    auto const next = std::upper_bound(begins_.begin(), begins_.end(), first);
    auto const index = std::size_t(next - begins_.begin()) - 1;
    shards_[index].read_tokens(first - begins_[index], to);
  }

  std::vector<shard> shards_;
  std::vector<std::uint64_t> begins_;
};

/// Figures of a corpus that was written.
struct corpus_facts {
  std::vector<shard_facts> shards;
  std::uint64_t bytes = 0, documents = 0, tokens = 0;  // of all shards
};

/// Writes a corpus. The folder is there after finish(), or not at all.
class corpus_writer {
 public:
  /// A shard has `shard_tokens` at most, or one document. Throws cria::error when `folder` is there and not empty.
  corpus_writer(std::string const& folder, vocabulary_id const& v, std::uint64_t shard_tokens)
      : path_(folder), folder_(unused(folder)), vocabulary_(v), shard_tokens_(shard_tokens) {}

  /// `tokens` are of the vocabulary, bos first.
  void add(std::span<int const> tokens) {
    if (shard_ && shard_->tokens() + tokens.size() > shard_tokens_) close();
    if (!shard_) shard_.emplace((folder_.temporary() / name(facts_.shards.size())).string(), vocabulary_);
    shard_->add(tokens);
  }

  corpus_facts finish(std::vector<corpus_source> const& sources) {
    if (!shard_) throw error(path_, "nothing to write", "one document at least", "none");
    close();
    auto json = nlohmann::ordered_json{{"format", "cria corpus"}, {"version", 1}};
    json["tokenizer"] = {{"fingerprint", detail::hexadecimal(vocabulary_.fingerprint)},
                         {"vocabulary", vocabulary_.size},
                         {"bos", vocabulary_.bos}};
    json["documents"] = facts_.documents, json["tokens"] = facts_.tokens;
    for (auto const& s : facts_.shards)
      json["shards"].push_back({{"file", name(json["shards"].size())},
                                {"bytes", s.bytes},
                                {"documents", s.documents},
                                {"tokens", s.tokens},
                                {"checksum", detail::hexadecimal(s.checksum)}});
    for (auto const& s : sources)
      json["sources"].push_back(
          {{"file", s.file}, {"bytes", s.bytes}, {"documents", s.documents}, {"tokens", s.tokens}});
    // names of files are bytes, JSON is UTF-8
    auto const text = json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    io::write_file((folder_.temporary() / "corpus.json").string(), text);
    folder_.commit();
    return facts_;
  }

 private:
  static std::string unused(std::string const& folder) {
    namespace fs = std::filesystem;
    if (folder.empty()) throw error("corpus", "its folder", "a name", "none");
    std::error_code fault;
    auto const kind = fs::status(folder, fault).type();
    if (kind == fs::file_type::not_found) return folder;
    if (kind != fs::file_type::directory)
      throw error(folder, "cannot be made", "a new folder", "something of this name");
    bool const empty = fs::is_empty(folder, fault);
    if (fault) throw error(folder, "cannot be read: " + fault.message());
    if (!empty) throw error(folder, "cannot be made", "a new or empty folder", "one with files");
    return folder;
  }
  static std::string name(std::size_t number) { return fmt::format("{:05}.tokens", number); }

  void close() {
    auto const& s = facts_.shards.emplace_back(shard_->finish());
    facts_.bytes += s.bytes, facts_.documents += s.documents, facts_.tokens += s.tokens;
    shard_.reset();
  }

  std::string path_;
  io::atomic_folder folder_;
  vocabulary_id vocabulary_;
  std::uint64_t shard_tokens_;
  std::optional<shard_writer> shard_;
  corpus_facts facts_;
};

}  // namespace cria::train
