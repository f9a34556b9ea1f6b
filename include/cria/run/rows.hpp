#pragma once
// The rows of a training step as kernels read them.
#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/graph/limits.hpp"
#include "cria/kernel/context.hpp"
#include "cria/run/copy.hpp"
#include "cria/run/memory.hpp"

namespace cria {

/// One token at one place of one sequence, the token that should come after it, and the share of its loss.
struct training_row {
  int token, sequence, position, target;
  float weight;
};

/// Whole sequences, one after the other, on an execution space.
template <class Exec> class training_rows {
 public:
  void make(int most) {
    most_ = most;
    numbers_ = {"cria/rows", columns * (std::size_t(most) + 1)};
    weights_ = {"cria/weights of rows", std::size_t(most)};
    numbers_host_.resize(numbers_.size()), weights_host_.resize(weights_.size());
  }

  /// Throws for what is out of range, and where the rows of a sequence don't follow each other from position 0 on.
  template <class Row> void set(Exec const& exec, std::span<Row const> rows, row_limits const& limits) {
    check_range("rows", int(rows.size()), 1, most_ + 1);
    exec.fence();
    count_ = int(rows.size()), sequences_ = 0, reach_ = 0;
    for (int i = 0; i < count_; ++i) {
      Row const& r = rows[std::size_t(i)];
      check_range("token", r.token, 0, limits.token), check_range("target", r.target, 0, limits.target);
      bool const goes_on = i > 0 && r.sequence == rows[std::size_t(i) - 1].sequence;
      int const expected = goes_on ? rows[std::size_t(i) - 1].position + 1 : 0;
      if (r.position != expected)
        throw error("position", "not the next one of its sequence", std::to_string(expected),
                    std::to_string(r.position));
      check_range("position", r.position, 0, limits.position);
      if (!goes_on) host(begin)[sequences_++] = i;
      host(token)[i] = r.token, host(sequence)[i] = r.sequence, host(position)[i] = r.position;
      host(target)[i] = r.target, weights_host_[std::size_t(i)] = r.weight;
      reach_ = std::max(reach_, r.position + 1);
    }
    host(begin)[sequences_] = count_;
    tokens_ = sort(token, by_token, token_begin), positions_ = sort(position, by_position, position_begin);
    copy_in(exec, numbers_.data(), numbers_host_.data(), numbers_.size());
    copy_in(exec, weights_.data(), weights_host_.data(), std::size_t(count_));
  }

  void bind(kernel::context& c) const {
    auto const at = [&](int number) { return numbers_.data() + std::size_t(number) * (std::size_t(most_) + 1); };
    c.token = at(token), c.sequence = at(sequence), c.position = at(position), c.target = at(target);
    c.begins = at(begin), c.by_token = {at(by_token), at(token_begin), tokens_},
    c.by_position = {at(by_position), at(position_begin), positions_};
    c.rows = count_, c.sequences = sequences_, c.reach = reach_;
  }

  int count() const { return count_; }
  float const* weights() const { return weights_.data(); }
  float weight(int row) const { return weights_host_[std::size_t(row)]; }

 private:
  enum column : int { token, sequence, position, target, begin, by_token, token_begin, by_position, position_begin, columns };
  buffer<int, typename Exec::memory_space> numbers_;  // [column][most + 1]
  buffer<float, typename Exec::memory_space> weights_;
  std::vector<int> numbers_host_;
  std::vector<float> weights_host_;
  int most_ = 0, count_ = 0, sequences_ = 0, tokens_ = 0, positions_ = 0, reach_ = 0;

  int* host(column c) { return numbers_host_.data() + std::size_t(c) * (std::size_t(most_) + 1); }

  /// Sorts the rows by the numbers in column `key`, and returns how many different ones there are.
  int sort(column key, column to, column begins) {
    int const* const by = host(key);
    int* const order = host(to);
    std::iota(order, order + count_, 0);
    std::sort(order, order + count_, [&](int a, int b) {  // in place, rows of one token in their order
      return std::pair(by[a], a) < std::pair(by[b], b);
    });
    int groups = 0;
    for (int i = 0; i < count_; ++i)
      if (i == 0 || by[order[i]] != by[order[i - 1]]) host(begins)[groups++] = i;
    host(begins)[groups] = count_;
    return groups;
  }
};

}  // namespace cria
