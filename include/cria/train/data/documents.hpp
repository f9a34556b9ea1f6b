#pragma once
// Documents as tokens, by number: what corpora are to those who read them.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/checksum.hpp"
#include "cria/text/tokenizer.hpp"

namespace cria::train {

/// What the numbers of tokens mean. `fingerprint` is the checksum of the vocabulary's pieces, from whatever file.
struct vocabulary_id {
  std::uint64_t fingerprint = 0;
  int size = 0, bos = 0;

  bool operator==(vocabulary_id const&) const = default;
};

/// Throws cria::error for a tokenizer without a bos token, with which every document begins.
inline vocabulary_id id_of(text::tokenizer const& t) {
  if (t.bos() < 0) throw error("tokenizer", "cannot mark where a document begins", "a bos token", "none");
  io::checksum sum;
  auto const add = [&](auto value) { sum.update(std::as_bytes(std::span(&value, 1))); };
  for (int id = 0; id < t.size(); ++id) {
    auto const& piece = t.piece(id);
    add(std::uint64_t(piece.size())), add(std::uint64_t(t.is_control(id)));
    sum.update(std::as_bytes(std::span(piece)));
  }
  add(std::int64_t(t.bos())), add(std::int64_t(t.eos()));
  return {sum.value(), t.size(), t.bos()};
}

/// Where a document begins among the tokens of all, and its hash.
struct document {
  std::uint64_t begin, hash;
};

/// XXH64 of a document's tokens as i32, little-endian: its checksum, and what decides on which side of a split it is.
inline std::uint64_t hash_of(std::span<int const> tokens) { return io::checksum_of(std::as_bytes(tokens)); }

/// A document is a bos token and the tokens of its text, without eos: bos of the next one is where it ends. Takes 16
/// bytes of memory for each. Safe to read from several threads at once.
class documents {
 public:
  virtual ~documents() = default;

  std::string const& name() const { return name_; }
  vocabulary_id const& vocabulary() const { return vocabulary_; }
  std::size_t size() const { return table_.size(); }
  std::uint64_t tokens() const { return tokens_; }
  std::uint64_t tokens(std::size_t index) const {
    return (index + 1 < size() ? table_[index + 1].begin : tokens_) - table_[index].begin;
  }
  std::uint64_t hash(std::size_t index) const { return table_[index].hash; }

  /// The same for the same documents in the same order, however they are kept.
  std::uint64_t fingerprint() const { return fingerprint_; }

  /// Throws cria::error when these are not the tokens that once were written.
  std::vector<int> read(std::size_t index) const {
    std::vector<int> out(tokens(index));
    fetch(table_[index].begin, out);
    if (hash_of(out) != hash(index))
      throw error(name_, fmt::format("checksum of document {}", index), fmt::format("{:016x}", hash(index)),
                  fmt::format("{:016x}", hash_of(out)));
    if (out[0] != vocabulary_.bos)
      throw error(name_, fmt::format("first token of document {}", index), fmt::format("bos, {}", vocabulary_.bos),
                  std::to_string(out[0]));
    for (int const token : out)
      if (token < 0 || token >= vocabulary_.size)
        throw error(name_, fmt::format("token of document {}", index), fmt::format("0 to {}", vocabulary_.size - 1),
                    std::to_string(token));
    return out;
  }

 protected:
  /// `table` has a document at 0 and ascends; the last one ends at `tokens`.
  documents(std::string name, vocabulary_id const& v, std::vector<document> table, std::uint64_t tokens)
      : name_(std::move(name)), vocabulary_(v), table_(std::move(table)), tokens_(tokens) {
    io::checksum sum;
    sum.update(std::as_bytes(std::span(&vocabulary_.fingerprint, 1)));
    for (auto const& d : table_) sum.update(std::as_bytes(std::span(&d.hash, 1)));
    fingerprint_ = sum.value();
  }

  /// Tokens `first` and on of all.
  virtual void fetch(std::uint64_t first, std::span<int> to) const = 0;

 private:
  std::string name_;
  vocabulary_id vocabulary_;
  std::vector<document> table_;
  std::uint64_t tokens_, fingerprint_ = 0;
};

/// Documents in memory.
class corpus_in_memory final : public documents {
 public:
  /// What makes one: documents are added one by one, each with its bos.
  struct builder {
    std::vector<int> tokens;
    std::vector<document> table;

    void add(std::span<int const> d) {
      table.push_back({tokens.size(), hash_of(d)});
      tokens.insert(tokens.end(), d.begin(), d.end());
    }
  };

  corpus_in_memory(std::string name, vocabulary_id const& v, builder from)
      : documents(std::move(name), v, std::move(from.table), from.tokens.size()), all_(std::move(from.tokens)) {}

 private:
  void fetch(std::uint64_t first, std::span<int> to) const override {
    std::copy_n(all_.begin() + std::ptrdiff_t(first), to.size(), to.begin());
  }

  std::vector<int> all_;
};

}  // namespace cria::train
