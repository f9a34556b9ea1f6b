#pragma once
// The gradients that kernels compute against finite differences of the same block on plain tensors in f64, for blocks
// of users as for the library's.
#include <numeric>
#include <random>

#include "cria/core/quantise.hpp"
#include "cria/expr/plain.hpp"
#include "cria/run/execute.hpp"
#include "cria/run/gradients.hpp"
#include "cria/run/rotary.hpp"
#include "cria/run/rows.hpp"
#include "cria/run/workspace.hpp"

namespace cria {

/// What a block works on: whole sequences one after the other, each row with a token and a target whether the block
/// reads them or not; weights by name; and the input [token, axis] of a block that takes rows.
struct block_sample {
  plain_step step;
  std::vector<double> x;
};

/// How gradients are checked.
struct gradient_check {
  unsigned seed = 1;   // of what is made up: the gradient of the result, and a sample where none is given
  int most = 200;      // elements of a leaf that are compared, spread evenly over it; each costs two forwards
  double step = 1e-4;  // of the finite differences
};

/// The gradient of one leaf, a weight or "the input", over the elements that were compared: the largest difference
/// between the kernels' and the finite differences, and the largest of these.
struct gradient_difference {
  std::string leaf;
  double difference = 0, magnitude = 0;
  /// Of the magnitude, or of 0.001 where there is hardly a gradient.
  double relative() const { return difference / std::max(magnitude, 1e-3); }
};

namespace detail {

class made_up {
 public:
  explicit made_up(unsigned seed) : bits_(seed) {}
  /// `n` numbers in [centre - spread, centre + spread) that are floats.
  std::vector<double> numbers(std::size_t n, double centre, double spread) {
    std::vector<double> r(n);
    for (double& x : r) x = double(float(centre + spread * (double(bits_() >> 8) / double(1 << 23) - 1)));
    return r;
  }
  int below(int end) { return int(bits_() % unsigned(end)); }

 private:
  std::mt19937 bits_;
};

template <class Block>
std::vector<double> value_of(block_sample const& s) {
  if constexpr (std::is_same_v<typename Block::input, token_ids>)
    return Block::forward(plain<token_ids>{&s.step}).at;
  else
    return Block::forward(plain<typename Block::input>(s.step, s.x)).at;
}

inline constexpr char input_leaf[] = "the input";

struct leaf_gradient {
  std::string leaf;
  std::vector<float> values;  // in the order of the files
};

/// The rows of a sample on an execution space. Throws where they are not whole sequences of tokens and targets of the
/// block.
template <class P, class Exec>
training_rows<Exec> rows_of(Exec const& exec, plain_step const& s) {
  for (auto const* column : {&s.token, &s.sequence, &s.target})
    if (column->size() != s.rows())
      throw error("sample", "rows without a token, sequence or target", std::to_string(s.rows()),
                  std::to_string(column->size()));
  std::vector<training_row> all;
  for (std::size_t i = 0; i < s.rows(); ++i) all.push_back({s.token[i], s.sequence[i], s.position[i], s.target[i], 1});
  training_rows<Exec> r;
  r.make(int(s.rows()));
  r.set(exec, std::span<training_row const>(all), limits_of(plan_of<P>.g));
  return r;
}

/// The gradients of sum(value * dy) as the kernels of P, a `gradient_of`, compute them.
template <class P, class Exec>
std::vector<leaf_gradient> gradients_by_kernels(Exec const& exec, block_sample const& sample,
                                                training_rows<Exec> const& numbers, std::vector<float> const& dy) {
  graph const& g = plan_of<P>.g;
  plain_step const& s = sample.step;
  int const rows = int(s.rows());
  weight_store<Exec> weights;
  gradient_store<Exec> gradients;
  rotary_tables<Exec> rotary;
  workspace<Exec> work;

  struct file {
    std::vector<std::byte> bytes;
  };
  weights.template declare<P>(1);
  auto const read = [&](std::string_view name, int) {
    auto const& w = *weights.find(name);
    auto const& values = s.weight(name, std::size_t(w.rows) * std::size_t(w.cols));
    return file{encode(w.type.only(), std::vector<float>(values.begin(), values.end()))};
  };
  weights.load(exec, read, [](auto...) {});
  gradients.template declare<P>(exec, weights);
  rotary.template make<P>(exec, rows);
  work.template make<P>(exec, rows, rows);

  kernel::context c;
  work.bind(c), numbers.bind(c), rotary.bind(c);
  c.weight = weights.template pointers<P>();
  std::vector<buffer<float, typename Exec::memory_space>> held;
  auto const hold = [&](std::size_t n) { return held.emplace_back("cria/check", n).data(); };
  for (int i = 0, in = 0; i < g.count; ++i) {
    if (g.nodes[i].kind != op::input) continue;
    std::vector<float> values =
        g.nodes[i].part == input_role::gradient ? dy : std::vector<float>(sample.x.begin(), sample.x.end());
    float* const to = hold(values.size());
    copy_in(exec, to, values.data(), values.size());
    exec.fence();
    c.in[in++] = to;
  }
  for (int k = 0; k < g.output_count; ++k)
    c.out[k] = accumulates(g, k) ? gradients.find(g.name(g.leaf_of[k]))->gradient.data()
                                 : hold(std::size_t(rows) * std::size_t(g.nodes[g.outputs[k]].cols));
  execute<P>(exec, c);
  exec.fence();

  std::vector<leaf_gradient> found;
  for (int k = 0; k < g.output_count; ++k)
    if (g.leaf_of[k] >= 0 && !accumulates(g, k)) {
      found.push_back({input_leaf, std::vector<float>(std::size_t(rows) * std::size_t(g.nodes[g.outputs[k]].cols))});
      copy_out(exec, found.back().values.data(), c.out[k], found.back().values.size());
      exec.fence();
    }
  for (auto const& e : gradients.entries())
    found.push_back({std::string(e.stored->name), unpacked(exec, *e.stored, e.gradient.data(), 0)});
  return found;
}

}  // namespace detail

/// Sequences of the given lengths, weights and rows made from a seed: values of about 1 in all rows.
template <class Block>
block_sample make_sample(std::vector<int> const& lengths, unsigned seed) {
  detail::made_up random(seed);
  graph const g = record<Block>();
  block_sample r;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    for (int p = 0; p < lengths[i]; ++p) {
      r.step.token.push_back(random.below(limits_of(g).token));
      r.step.target.push_back(random.below(limits_of(g).target));
      r.step.sequence.push_back(int(i)), r.step.position.push_back(p);
    }
  for (int i = 0; i < g.count; ++i) {
    node const& n = g.nodes[i];
    if (n.kind == op::input) r.x = random.numbers(r.step.rows() * std::size_t(n.cols), 0, 1);
    if (n.kind == op::weight)
      r.step.weights[std::string(g.name(i))] =
          n.rows == 1 ? random.numbers(std::size_t(n.cols), 1, 0.5)
                      : random.numbers(std::size_t(n.rows) * std::size_t(n.cols), 0, std::sqrt(3.0 / n.cols));
  }
  return r;
}

/// Compares the gradients of sum(Block::forward(x) * dy), where dy is made up, to the input and to the weights that
/// Trained names: one entry for each. Weights are rounded to their format first, so that both sides have the same.
///
/// `relative()` should be below 1e-5 with policy::exact: kernels sum in f32, whose roundings grow like the root of the
/// number of terms, 6e-8 each; the finite differences themselves are good to 1e-7. A custom operator that takes nothing
/// but float is rounded to f32 before the difference is taken: give it a `step` of 0.01 and expect 1e-3, or write it
/// with `auto`. A derivative that is wrong shows as 0.01 or more. Throws where a weight is missing and where rows are
/// not whole sequences.
template <class Block, class Policy = policy::exact<>, class Trained = train_weights::all, class Exec>
std::vector<gradient_difference> check_gradients(Exec const& exec, block_sample sample,
                                                 gradient_check const& how = {}) {
  using program = gradient_of<Block, Policy, Trained>;
  using training = training_of<Block, Policy, keep::inputs, Trained>;
  enum : bool { known = detail::has_rules<training>() };
  static_assert(training::has_gradients, "check_gradients: the block has no input of rows and no trained weight");
  graph const& g = plan_of<program>.g;
  auto const rows = detail::rows_of<program>(exec, sample.step);
  for (int i = 0; i < g.count; ++i) {
    node const& n = g.nodes[i];
    if (n.kind != op::weight) continue;
    auto const& given = sample.step.weight(g.name(i), std::size_t(n.rows) * std::size_t(n.cols));
    std::vector<float> values(given.begin(), given.end());
    decode(n.type.only(), encode(n.type.only(), values), values);
    sample.step.weights[std::string(g.name(i))].assign(values.begin(), values.end());
  }
  for (double& x : sample.x) x = double(float(x));
  auto const dy = detail::made_up(how.seed + 1).numbers(detail::value_of<Block>(sample).size(), 0, 1);
  auto const objective = [&] {
    auto const y = detail::value_of<Block>(sample);
    return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
  };
  std::vector<gradient_difference> report;
  for (auto const& [leaf, found] :
       detail::gradients_by_kernels<program>(exec, sample, rows, std::vector<float>(dy.begin(), dy.end()))) {
    gradient_difference d{leaf};
    auto& values = leaf == detail::input_leaf ? sample.x : sample.step.weights.find(leaf)->second;
    std::size_t const compared = std::min(values.size(), std::size_t(std::max(how.most, 1)));
    for (std::size_t k = 0; k < compared; ++k) {
      std::size_t const i = k * values.size() / compared;
      double const at = values[i];
      values[i] = at + how.step;
      double const up = objective();
      values[i] = at - how.step;
      double const expected = (up - objective()) / (2 * how.step), difference = std::abs(double(found[i]) - expected);
      values[i] = at;
      if (!(difference <= d.difference)) d.difference = std::isnan(difference) ? HUGE_VAL : difference;
      d.magnitude = std::max(d.magnitude, std::abs(expected));
    }
    report.push_back(d);
  }
  return report;
}

/// The same with sequences of the given lengths and all values made up.
template <class Block, class Policy = policy::exact<>, class Trained = train_weights::all, class Exec>
std::vector<gradient_difference> check_gradients(Exec const& exec, std::vector<int> const& lengths,
                                                 gradient_check const& how = {}) {
  return check_gradients<Block, Policy, Trained>(exec, make_sample<Block>(lengths, how.seed), how);
}

}  // namespace cria
