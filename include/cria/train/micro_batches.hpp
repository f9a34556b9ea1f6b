#pragma once
// A global batch in parts that an engine can take.
#include <span>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/train/engine.hpp"

namespace cria::train {

/// The sequences of `batch` in their order, as many whole ones in each part as make at most `most` rows; a part's
/// sequences are numbered from 0. Throws cria::error for a longer sequence, and where there are no rows.
inline std::vector<std::vector<row>> micro_batches(std::span<row const> batch, int most) {
  if (batch.empty()) throw error("batch", "empty", "at least one row", "none");
  std::vector<std::vector<row>> parts(1);
  for (std::size_t begin = 0, end = 0; begin < batch.size(); begin = end) {
    for (end = begin + 1; end < batch.size() && batch[end].sequence == batch[begin].sequence; ++end) {
    }
    std::size_t const rows = end - begin;
    if (rows > std::size_t(most))
      throw error("sequence", "longer than what the engine takes at once", fmt::format("at most {} rows", most),
                  fmt::format("{}", rows));
    if (parts.back().size() + rows > std::size_t(most)) parts.emplace_back();
    int const number = parts.back().empty() ? 0 : parts.back().back().sequence + 1;
    for (auto r : batch.subspan(begin, rows)) r.sequence = number, parts.back().push_back(r);
  }
  return parts;
}

}  // namespace cria::train
