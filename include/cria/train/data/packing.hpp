#pragma once
// Documents in a row become sequences of one length.
#include <cstddef>
#include <vector>

#include "cria/train/engine.hpp"

namespace cria::train {

/// What a token sees of the documents before its own in the same packed sequence: all of it, or nothing: a document is
/// a sequence of its own there, from position 0 on.
enum class documents_see { across, within };

/// Makes rows of tokens: a packed sequence is `context` rows, and the next one goes on where it ended. A document that
/// goes on in the next one begins there at position 0 as well.
class packing {
 public:
  packing(int context, documents_see seen, float weight)
      : context_(std::size_t(context)), seen_(seen), weight_(weight) {}

  /// `first`: the token begins a document. `target` of a document's last token is bos, under either rule: with it the
  /// document says that it is over, which depends on nothing that another document holds.
  void add(int token, int target, bool first) {
    if (rows_.size() % context_ == 0 || (first && seen_ == documents_see::within)) ++sequence_, position_ = 0;
    rows_.push_back({token, sequence_, position_++, target, weight_});
  }

  std::vector<row> rows() && { return std::move(rows_); }
  std::size_t size() const { return rows_.size(); }

 private:
  std::size_t context_;
  documents_see seen_;
  float weight_;
  int sequence_ = -1, position_ = 0;
  std::vector<row> rows_;
};

}  // namespace cria::train
