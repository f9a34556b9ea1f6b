#pragma once
// Documents that are not trained on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/train/data/documents.hpp"
#include "cria/train/data/packing.hpp"

namespace cria::train {

/// Whether a document of this hash is held out, when this fraction of all is: the tokens alone decide, so that a
/// document is on the same side in every mixture, and what is held out at 0.01 is so at 0.02.
inline bool is_held_out(std::uint64_t hash, double fraction) { return double(hash >> 11) * 0x1p-53 < fraction; }

inline void check_held_out(double fraction) {
  if (!(fraction >= 0 && fraction < 1))
    throw error("held-out fraction", "out of range", "0 to less than 1", fmt::format("{}", fraction));
}

/// The held-out documents as rows, packed as for training: at most `most` rows, weight 1 / rows, so that their loss is
/// the mean. The order is that of the documents' hashes: the same always, and as good as random. Nothing is dropped but
/// what is beyond `most`: the last sequence may be shorter. No rows where no document is held out.
inline std::vector<row> held_out_rows(documents const& from, double fraction, int context, documents_see seen,
                                      std::size_t most) {
  check_held_out(fraction);
  std::vector<std::pair<std::uint64_t, std::size_t>> chosen;
  std::uint64_t tokens = 0;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (is_held_out(from.hash(i), fraction)) chosen.emplace_back(from.hash(i), i), tokens += from.tokens(i);
  std::ranges::sort(chosen);
  auto const count = std::size_t(std::min<std::uint64_t>(tokens, most));
  packing out(context, seen, 1 / float(count));
  for (auto const& [hash, index] : chosen) {
    if (out.size() == count) break;
    auto const document = from.read(index);
    for (std::size_t i = 0; i < document.size() && out.size() < count; ++i)
      out.add(document[i], i + 1 < document.size() ? document[i + 1] : from.vocabulary().bos, i == 0);
  }
  return std::move(out).rows();
}

}  // namespace cria::train
