#pragma once
// A global batch in parts that an engine can take.
#include <algorithm>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/train/engine.hpp"

namespace cria::train {

/// The windows in their order, as many whole ones in each part as make at most `most` rows; a part's sequences are numbered from 0.
/// Weights are scaled so that the losses of all parts together are the mean over all rows with a weight. Throws cria::error for a
/// window of more rows, and where no row has a weight.
inline std::vector<std::vector<row>> micro_batches(std::span<std::vector<row> const> windows, int most) {
  double total = 0;
  for (auto const& w : windows)
    for (auto const& r : w) total += r.weight;
  if (!(total > 0)) throw error("batch", "no token counts", "a target with a weight", "none");
  std::vector<std::vector<row>> parts;
  int sequences = 0;
  for (auto const& w : windows) {
    if (w.size() > std::size_t(most))
      throw error("window", "longer than the engine's rows", fmt::format("at most {}", most), fmt::format("{}", w.size()));
    if (parts.empty() || parts.back().size() + w.size() > std::size_t(most)) parts.emplace_back(), sequences = 0;
    int const first = sequences;
    for (auto r : w) {
      r.sequence += first;
      r.weight = float(r.weight / total);
      sequences = std::max(sequences, r.sequence + 1);
      parts.back().push_back(r);
    }
  }
  return parts;
}

}  // namespace cria::train
