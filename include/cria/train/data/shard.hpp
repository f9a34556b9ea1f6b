#pragma once
// A file of documents as tokens; docs/data.md describes it byte by byte.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/atomic_file.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/checksum.hpp"
#include "cria/io/random_access_file.hpp"
#include "cria/train/data/documents.hpp"

namespace cria::train {

/// Bytes of a token: as few as the vocabulary allows.
constexpr std::uint32_t token_width(int vocabulary) { return vocabulary <= 1 << 16 ? 2 : 4; }

namespace detail {

constexpr std::string_view shard_magic = "criatoks";
constexpr std::uint32_t shard_version = 1;

/// The 16 bytes that a shard begins with.
struct shard_head {
  std::array<char, 8> magic;
  std::uint32_t version, width;
};

/// The 48 bytes that it ends with. `checksum` is that of the head and of the bytes before it here.
struct shard_trailer {
  std::uint64_t documents, tokens, fingerprint;
  std::uint32_t vocabulary, bos;
  std::uint64_t table_checksum, checksum;
};
static_assert(sizeof(shard_head) == 16 && sizeof(shard_trailer) == 48 && sizeof(document) == 16);

inline std::uint64_t checksum_of(shard_head const& head, shard_trailer const& trailer) {
  io::checksum sum;
  sum.update(std::as_bytes(std::span(&head, 1)));
  sum.update(std::as_bytes(std::span(&trailer, 1)).first(offsetof(shard_trailer, checksum)));
  return sum.value();
}

}  // namespace detail

/// Figures of a shard. `checksum` covers all of it: it is that of the ends of the file, which hold the table's, which
/// holds those of the documents.
struct shard_facts {
  std::uint64_t bytes = 0, documents = 0, tokens = 0, checksum = 0;

  bool operator==(shard_facts const&) const = default;
};

/// A shard to read. Everything is checked before it is used: opening checks the ends of the file and its size, table()
/// the table; the tokens of a document are its reader's business.
class shard {
 public:
  explicit shard(std::string path) : file_(std::move(path)) {
    auto const& where = file_.path();
    detail::shard_head head;
    detail::shard_trailer end;
    auto const ends = sizeof head + sizeof end;
    if (file_.size() < ends)
      throw error(where, "size of the file", fmt::format("{} bytes at least", ends), fmt::format("{}", file_.size()));
    read(0, head, "the head");
    if (std::string_view const magic(head.magic.data(), 8); magic != detail::shard_magic)
      throw error(where, "not a shard of tokens", detail::shard_magic, io::printable(magic));
    if (head.version != detail::shard_version)
      throw error(where, "version", fmt::format("{}", detail::shard_version), fmt::format("{}", head.version));
    read(file_.size() - sizeof end, end, "the trailer");
    if (auto const sum = detail::checksum_of(head, end); sum != end.checksum)
      throw error(where, "checksum of head and trailer", fmt::format("{:016x}", end.checksum),
                  fmt::format("{:016x}", sum));
    if (end.vocabulary < 1 || end.vocabulary > std::numeric_limits<std::int32_t>::max() || end.bos >= end.vocabulary)
      throw error(where, "vocabulary", "1 to 2^31 - 1 tokens, and bos among them",
                  fmt::format("{} and {}", end.vocabulary, end.bos));
    vocabulary_ = {end.fingerprint, int(end.vocabulary), int(end.bos)};
    width_ = token_width(vocabulary_.size);
    if (head.width != width_)
      throw error(where, "bytes of a token", fmt::format("{}", width_), fmt::format("{}", head.width));
    if (end.documents < 1 || end.documents > end.tokens)
      throw error(where, "documents", fmt::format("1 to {}, the number of tokens", end.tokens),
                  fmt::format("{}", end.documents));
    auto const body = file_.size() - ends;
    auto const tokens = io::saturated_product(end.tokens, width_);
    auto const table = io::saturated_product(end.documents, sizeof(document));
    if (tokens > body || table != body - tokens)
      throw error(where, fmt::format("size of {} tokens in {} documents", end.tokens, end.documents),
                  "what the file has between head and trailer", fmt::format("{} bytes", body));
    facts_ = {file_.size(), end.documents, end.tokens, end.checksum};
    table_checksum_ = end.table_checksum;
  }

  std::string const& path() const { return file_.path(); }
  shard_facts const& facts() const { return facts_; }
  vocabulary_id const& vocabulary() const { return vocabulary_; }

  std::vector<document> table() const {
    std::vector<document> out(facts_.documents);
    auto const bytes = std::as_writable_bytes(std::span(out));
    file_.read(sizeof(detail::shard_head) + facts_.tokens * width_, bytes, "the table of documents");
    if (auto const sum = io::checksum_of(bytes); sum != table_checksum_)
      throw error(path(), "checksum of the table of documents", fmt::format("{:016x}", table_checksum_),
                  fmt::format("{:016x}", sum));
    for (std::size_t i = 0; i < out.size(); ++i)
      if (i == 0 ? out[i].begin != 0 : out[i].begin <= out[i - 1].begin || out[i].begin >= facts_.tokens)
        throw error(path(), fmt::format("begin of document {}", i),
                    i == 0 ? "0" : fmt::format("{} to {}", out[i - 1].begin + 1, facts_.tokens - 1),
                    fmt::format("{}", out[i].begin));
    return out;
  }

  /// Tokens `first` and on, which are there; numbers beyond i32 come as negative ones.
  void read_tokens(std::uint64_t first, std::span<int> to) const {
    auto const at = sizeof(detail::shard_head) + first * width_;
    if (width_ == 4) return file_.read(at, std::as_writable_bytes(to), "the tokens");
    auto const narrow = std::as_writable_bytes(to).last(to.size() * 2);  // read into the half that is written last
    file_.read(at, narrow, "the tokens");
    for (std::size_t i = 0; i < to.size(); ++i) {
      std::uint16_t token;
      std::memcpy(&token, narrow.data() + 2 * i, 2);
      to[i] = token;
    }
  }

 private:
  template <class T>
  void read(std::uint64_t at, T& to, std::string_view what) const {
    file_.read(at, std::as_writable_bytes(std::span(&to, 1)), what);
  }

  io::random_access_file file_;
  shard_facts facts_;
  vocabulary_id vocabulary_;
  std::uint64_t table_checksum_ = 0;
  std::uint32_t width_ = 0;
};

/// A shard to write, document by document. The file is there after finish(), or not at all.
class shard_writer {
 public:
  shard_writer(std::string path, vocabulary_id const& v)
      : file_(std::move(path)), vocabulary_(v), head_{{}, detail::shard_version, token_width(v.size)} {
    detail::shard_magic.copy(head_.magic.data(), head_.magic.size());
    put(std::as_bytes(std::span(&head_, 1)));
  }

  std::uint64_t tokens() const { return tokens_; }

  /// `tokens` are of the vocabulary, bos first.
  void add(std::span<int const> tokens) {
    table_.push_back({tokens_, hash_of(tokens)});
    tokens_ += tokens.size();
    if (head_.width == 4) return put(std::as_bytes(tokens));
    narrow_.assign(tokens.begin(), tokens.end());
    put(std::as_bytes(std::span(narrow_)));
  }

  shard_facts finish() {
    auto const table = std::as_bytes(std::span(table_));
    detail::shard_trailer end{table_.size(),
                              tokens_,
                              vocabulary_.fingerprint,
                              std::uint32_t(vocabulary_.size),
                              std::uint32_t(vocabulary_.bos),
                              io::checksum_of(table),
                              0};
    end.checksum = detail::checksum_of(head_, end);
    put(table), put(std::as_bytes(std::span(&end, 1)));
    file_.write(std::span(buffer_));
    file_.commit();
    return {file_.size(), end.documents, end.tokens, end.checksum};
  }

 private:
  void put(std::span<std::byte const> bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    if (buffer_.size() < 1 << 20) return;
    file_.write(std::span(buffer_));
    buffer_.clear();
  }

  io::atomic_file file_;
  vocabulary_id vocabulary_;
  detail::shard_head head_;
  std::vector<document> table_;
  std::vector<std::byte> buffer_;
  std::vector<std::uint16_t> narrow_;
  std::uint64_t tokens_ = 0;
};

}  // namespace cria::train
