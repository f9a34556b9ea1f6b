#pragma once
// The rows of a training step as kernels read them.
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <numeric>
#include <span>
#include <string>

#include "cria/core/error.hpp"
#include "cria/graph/limits.hpp"
#include "cria/kernel/context.hpp"

namespace cria {

/// One token at one place of one sequence, the token that should come after it, and the share of its loss.
struct training_row {
  int token, sequence, position, target;
  float weight;
};

/// Whole sequences, one after the other, on an execution space.
template <class Exec> class training_rows {
 public:
  void make(Exec const& exec, int most) {
    most_ = most;
    numbers_ = decltype(numbers_)(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "cria/rows"), columns,
                                  std::size_t(most) + 1);
    weights_ = decltype(weights_)(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "cria/weights of rows"),
                                  std::size_t(most));
    exec.fence();
    numbers_host_ = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, Kokkos::HostSpace{}, numbers_);
    weights_host_ = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, Kokkos::HostSpace{}, weights_);
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
      if (!goes_on) numbers_host_(begin, sequences_++) = i;
      numbers_host_(token, i) = r.token, numbers_host_(sequence, i) = r.sequence, numbers_host_(position, i) = r.position;
      numbers_host_(target, i) = r.target, weights_host_(i) = r.weight;
      reach_ = std::max(reach_, r.position + 1);
    }
    numbers_host_(begin, sequences_) = count_;
    tokens_ = sort(token, by_token, token_begin), positions_ = sort(position, by_position, position_begin);
    Kokkos::deep_copy(exec, numbers_, numbers_host_);
    Kokkos::deep_copy(exec, weights_, weights_host_);
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
  float weight(int row) const { return weights_host_(row); }

 private:
  enum column : int { token, sequence, position, target, begin, by_token, token_begin, by_position, position_begin, columns };
  Kokkos::View<int**, Kokkos::LayoutRight, typename Exec::memory_space> numbers_;
  Kokkos::View<int**, Kokkos::LayoutRight, Kokkos::HostSpace> numbers_host_;
  Kokkos::View<float*, typename Exec::memory_space> weights_;
  Kokkos::View<float*, Kokkos::HostSpace> weights_host_;
  int most_ = 0, count_ = 0, sequences_ = 0, tokens_ = 0, positions_ = 0, reach_ = 0;

  /// Sorts the rows by the numbers in column `key`, and returns how many different ones there are.
  int sort(column key, column to, column begins) {
    int* const order = &numbers_host_(to, 0);
    std::iota(order, order + count_, 0);
    std::sort(order, order + count_, [&](int a, int b) {  // in place, rows of one token in their order
      return std::pair(numbers_host_(key, a), a) < std::pair(numbers_host_(key, b), b);
    });
    int groups = 0;
    for (int i = 0; i < count_; ++i)
      if (i == 0 || numbers_host_(key, order[i]) != numbers_host_(key, order[i - 1])) numbers_host_(begins, groups++) = i;
    numbers_host_(begins, groups) = count_;
    return groups;
  }
};

}  // namespace cria
