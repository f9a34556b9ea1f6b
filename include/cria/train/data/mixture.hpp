#pragma once
// An endless stream of training rows from several corpora, that can be left and gone on with.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/json.hpp"
#include "cria/train/data/documents.hpp"
#include "cria/train/data/held_out.hpp"
#include "cria/train/data/members.hpp"
#include "cria/train/data/packing.hpp"
#include "cria/train/data/permutation.hpp"

namespace cria::train {

/// Documents, and their share of the tokens beside other sources.
struct mixture_source {
  std::shared_ptr<documents const> from;
  double weight = 1;
};

/// How documents become batches.
struct mixture_options {
  int context = 256, sequences = 8;  // rows of a packed sequence, and packed sequences of a batch
  documents_see seen = documents_see::across;
  double held_out = 0.01;  // of the documents
  std::uint64_t seed = 0;
};

/// Documents come whole, one after the other. The next one is of the source that is furthest behind its share of the
/// tokens, so that none is ever ahead of its share by more than a document. Within a source they come in a random
/// order, another one in each epoch. All of it follows from the documents, the weights and the seed.
class mixture {
 public:
  /// Throws cria::error for sources that don't go together or have nothing to train on.
  mixture(std::vector<mixture_source> sources, mixture_options const& o) : options_(o) {
    check_held_out(o.held_out);
    if (o.context < 1 || o.sequences < 1 || o.context > (1 << 30) / o.sequences)
      throw error("mixture", "size of a batch", "1 to 2^30 rows", fmt::format("{} x {}", o.sequences, o.context));
    if (sources.empty()) throw error("mixture", "sources", "one at least", "none");
    for (auto& s : sources) add(std::move(s));
  }

  /// Rows of the next batch, sequences * context; each weighs 1 / rows. After an error the stream is where that struck,
  /// and restore() brings it back.
  std::vector<row> next() {
    auto const count = std::size_t(options_.context) * std::size_t(options_.sequences);
    packing out(options_.context, options_.seen, 1 / float(count));
    while (out.size() < count) {
      if (offset_ == document_.size()) open(furthest_behind());
      auto const at = offset_++;
      out.add(document_[at], offset_ < document_.size() ? document_[offset_] : bos(), at == 0);
    }
    return std::move(out).rows();
  }

  std::size_t sources() const { return places_.size(); }
  /// Tokens of the documents that this source gave, the present one's among them.
  std::uint64_t served(std::size_t source) const { return places_[source].served; }
  /// How often this source was gone through.
  std::uint64_t epoch(std::size_t source) const { return places_[source].epoch; }
  /// Tokens of one epoch: without held-out documents.
  std::uint64_t training_tokens(std::size_t source) const { return places_[source].training; }

  /// Where the stream is. 64-bit numbers that no count are hexadecimal texts.
  io::json state() const {
    io::json out{{"seed", detail::hexadecimal(options_.seed)}, {"held_out", options_.held_out}, {"offset", offset_}};
    out["source"] = source_ ? io::json(*source_) : io::json();
    for (auto const& p : places_)
      out["sources"].push_back({{"documents", detail::hexadecimal(p.from->fingerprint())},
                                {"weight", p.weight},
                                {"epoch", p.epoch},
                                {"next", p.next},
                                {"served", p.served}});
    return out;
  }

  /// Goes on where `state` was taken. Throws cria::error, and changes nothing, for a state of other documents, weights,
  /// seed or held-out fraction. Batches may be of another size.
  void restore(io::json const& state) {
    std::string const where = "state of the data";
    detail::members const all(where, state);
    all.expect("seed", all.text("seed"), detail::hexadecimal(options_.seed));
    all.expect("held_out", all.number("held_out"), options_.held_out);
    auto const& list = all.list("sources");
    all.expect("sources", list.size(), places_.size());
    auto places = places_;
    for (std::size_t i = 0; i < places.size(); ++i) {
      auto& p = places[i];
      auto const at = fmt::format("{}: source {}, {}", where, i, p.from->name());
      detail::members const one(at, list[i]);
      one.expect("documents", one.text("documents"), detail::hexadecimal(p.from->fingerprint()));
      one.expect("weight", one.number("weight"), p.weight);
      p.epoch = one.count("epoch"), p.next = one.count("next"), p.served = one.count("served");
      auto const least = io::saturated_product(p.epoch, p.training);
      if (p.next > p.from->size() || p.epoch >= largest / p.training || p.served < least ||
          p.served - least > p.training)
        throw error(at, "out of range", fmt::format("a place in {} documents", p.from->size()),
                    fmt::format("epoch {}, next {}, served {}", p.epoch, p.next, p.served));
    }
    std::optional<std::size_t> source;
    std::vector<int> document;
    auto const offset = all.count("offset");
    if (!all.at("source").is_null()) {
      source = all.count("source");
      if (*source >= places.size() || places[*source].next == 0)
        throw error(where, "source", "one with a document that was begun", fmt::format("{}", *source));
      auto const index = places[*source].order(options_.seed)(places[*source].next - 1);
      if (is_held_out(places[*source].from->hash(index), options_.held_out))
        throw error(where, "document", "one that is trained on", "a held-out one");
      document = places[*source].from->read(index);
    }
    if (offset > document.size())
      throw error(where, "offset", fmt::format("0 to {}", document.size()), fmt::format("{}", offset));
    places_ = std::move(places), source_ = source, document_ = std::move(document), offset_ = std::size_t(offset);
  }

 private:
  static constexpr std::uint64_t largest = std::uint64_t{1} << 62;

  struct place {
    std::shared_ptr<documents const> from;
    double weight;
    std::uint64_t training;                         // tokens of an epoch
    std::uint64_t epoch = 0, next = 0, served = 0;  // next: in the order of the epoch

    permutation order(std::uint64_t seed) const {
      return {from->size(), mix(mix(mix(seed) ^ from->fingerprint()) + epoch)};
    }
  };

  int bos() const { return places_[0].from->vocabulary().bos; }

  void add(mixture_source s) {
    auto const& name = s.from->name();
    if (!(s.weight > 0) || !std::isfinite(s.weight))
      throw error(name, "weight", "a positive number", fmt::format("{}", s.weight));
    std::uint64_t training = 0;
    for (std::size_t i = 0; i < s.from->size(); ++i)
      if (!is_held_out(s.from->hash(i), options_.held_out)) training += s.from->tokens(i);
    if (training == 0)
      throw error(name, "nothing to train on", "a document that is not held out",
                  fmt::format("{} documents", s.from->size()));
    for (auto const& p : places_) {
      if (!(p.from->vocabulary() == s.from->vocabulary()))
        throw error(name, "its tokens are not those of " + p.from->name(),
                    detail::hexadecimal(p.from->vocabulary().fingerprint),
                    detail::hexadecimal(s.from->vocabulary().fingerprint));
      if (p.from->fingerprint() == s.from->fingerprint())
        throw error(name, "the same documents as " + p.from->name(), "each corpus once", "twice");
    }
    places_.push_back({std::move(s.from), s.weight, training});
  }

  std::size_t furthest_behind() const {
    std::size_t best = 0;
    auto const progress = [&](std::size_t i) { return double(places_[i].served) / places_[i].weight; };
    for (std::size_t i = 1; i < places_.size(); ++i)
      if (progress(i) < progress(best)) best = i;
    return best;
  }

  /// Begins the next document of `source`.
  void open(std::size_t source) {
    auto next = places_[source];
    std::uint64_t index;
    do {
      if (next.next == next.from->size()) ++next.epoch, next.next = 0;
      index = next.order(options_.seed)(next.next++);
    } while (is_held_out(next.from->hash(index), options_.held_out));
    document_ = next.from->read(index);
    offset_ = 0;
    next.served += document_.size();
    source_ = source, places_[source] = std::move(next);
  }

  mixture_options options_;
  std::vector<place> places_;
  std::optional<std::size_t> source_;  // of the document
  std::vector<int> document_;          // the present one, or the last one when offset is its size
  std::size_t offset_ = 0;             // of the next token in it
};

}  // namespace cria::train
