#pragma once
// Runs the kernels of any forward on numbers of its own, and computes the same in f64, node by node.
#include <catch2/catch_test_macros.hpp>

#include "cria/core/quantise.hpp"
#include "cria/expr.hpp"
#include "cria/run/cache.hpp"
#include "cria/run/execute.hpp"
#include "cria/run/rotary.hpp"
#include "cria/run/weights.hpp"
#include "cria/run/workspace.hpp"
#include "graph/interpreter.hpp"
#include "support/kokkos.hpp"

namespace cria::test {

/// The next rows of sequences that take turns: `lengths[i]` rows of sequence i, positions from `begin[i]` on.
inline step in_turns(std::vector<int> const& lengths, std::vector<int> begin = {}, int vocabulary = 1) {
  step s;
  begin.resize(lengths.size());
  for (int round = 0, more = 1; more; ++round) {
    more = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      if (round >= lengths[i]) continue;
      s.token.push_back((round * 5 + int(i) * 3) % vocabulary), s.sequence.push_back(int(i)),
          s.position.push_back(begin[i] + round);
      more = 1;
    }
  }
  return s;
}

/// Sequences one after the other, from position 0 on.
inline step one_by_one(std::vector<int> const& lengths, int vocabulary = 1) {
  step s;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    for (int p = 0; p < lengths[i]; ++p)
      s.token.push_back((p * 5 + int(i) * 3) % vocabulary), s.sequence.push_back(int(i)), s.position.push_back(p);
  return s;
}

template <class P> class runner {
 public:
  static constexpr graph const& g = plan_of<P>.g;

  explicit runner(int rows, int sequences = 1, int room = 16, int threads = 2) : exec_(space_of(threads)) {
    weights_.template declare<P>(1);
    auto const read = [&](std::string_view name, int) { return source{file(find(name))}; };
    weights_.load(exec_, read, [](auto...) {});
    cache_.template make<P>(1, sequences, room);
    rotary_.template make<P>(exec_, cache_.room());
    work_.template make<P>(exec_, rows, room);
  }

  /// All outputs of the program; `inputs` in the order of their nodes.
  std::vector<std::vector<float>> run(step const& s, std::vector<matrix> const& inputs) {
    auto const token = on_device(s.token), sequence = on_device(s.sequence), position = on_device(s.position);
    kernel::context c;
    c.reach = 1 + *std::max_element(s.position.begin(), s.position.end());
    c.rows = s.rows(), c.token = token.data(), c.sequence = sequence.data(), c.position = position.data();
    cache_.prepare(exec_, s.sequence, s.position);
    cache_.bind(c), rotary_.bind(c), work_.bind(c);
    c.weight = weights_.template pointers<P>();
    std::vector<Kokkos::View<float*, space_type::memory_space>> in, out;
    for (matrix const& m : inputs) {
      in.push_back(on_device(std::vector<float>(m.at.begin(), m.at.end())));
      c.in[in.size() - 1] = in.back().data();
    }
    for (int k = 0; k < g.output_count; ++k) {
      node const& n = g.nodes[g.outputs[k]];
      out.push_back(on_device(
          std::vector<float>(std::size_t(n.rows == per_token ? s.rows() : n.rows) * std::size_t(n.cols), NAN)));
      c.out[k] = out.back().data();
    }
    execute<P>(exec_, c);
    exec_.fence();
    std::vector<std::vector<float>> results;
    for (auto const& o : out) results.push_back(on_host({o.data(), o.size()}));
    return results;
  }

  /// The outputs in f64.
  std::vector<matrix> expected(step const& s, std::vector<matrix> const& inputs) const {
    auto const values = interpret(g, s, [&](int i) {
      return g.nodes[i].kind == op::input ? inputs.at(std::size_t(g.index_in_kind(i))) : weight(i);
    });
    std::vector<matrix> results;
    for (int k = 0; k < g.output_count; ++k) results.push_back(values[std::size_t(g.outputs[k])]);
    return results;
  }

  /// The file's bytes of the weight at node i, and its values.
  static std::vector<std::byte> file(int i) {
    node const& n = g.nodes[i];
    matrix const m = numbers(n.rows, n.cols, unsigned(n.symbol) + 17);
    return encode(n.type.only(), std::vector<float>(m.at.begin(), m.at.end()));
  }
  static matrix weight(int i) {
    node const& n = g.nodes[i];
    matrix m(n.rows, n.cols);
    std::vector<float> values(m.at.size());
    decode(n.type.only(), file(i), values);
    m.at.assign(values.begin(), values.end());
    return m;
  }
  static matrix weight(std::string_view name) { return weight(find(name)); }
  static std::vector<std::byte> file(std::string_view name) { return file(find(name)); }

  /// Inputs for a step: numbers that fit a float exactly.
  static std::vector<matrix> inputs(step const& s, unsigned seed = 5) {
    std::vector<matrix> in;
    for (int i = 0; i < g.count; ++i)
      if (g.nodes[i].kind == op::input) in.push_back(numbers(s.rows(), g.nodes[i].cols, seed++));
    return in;
  }

 private:
  struct source {
    std::vector<std::byte> bytes;
  };
  static int find(std::string_view name) {
    for (int i = 0; i < g.count; ++i)
      if (g.nodes[i].kind == op::weight && g.name(i) == name) return i;
    throw error(name, "no weight of this program");
  }
  space_type exec_;
  weight_store<space_type> weights_;
  kv_cache<space_type> cache_;
  rotary_tables<space_type> rotary_;
  workspace<space_type> work_;
};

/// The largest difference of an output from its reference, against the reference's largest magnitude.
inline double relative_difference(std::vector<float> const& found, matrix const& expected) {
  REQUIRE(found.size() == expected.at.size());
  double most = 0, magnitude = 1e-30;
  for (std::size_t i = 0; i < found.size(); ++i) {
    double const d = std::abs(double(found[i]) - expected.at[i]);
    most = d <= most ? most : std::isnan(d) ? INFINITY : d;
    magnitude = std::max(magnitude, std::abs(expected.at[i]));
  }
  return most / magnitude;
}

/// Every row computed alone has the bits that it has among others.
template <class P> void check_rows_alone(step const& all, int room = 80) {
  int const sequences = 1 + *std::max_element(all.sequence.begin(), all.sequence.end());
  runner<P> r(all.rows(), sequences, room);
  auto const in = runner<P>::inputs(all);
  auto const together = r.run(all, in)[0];
  std::size_t const width = together.size() / std::size_t(all.rows());
  for (int i = 0; i < all.rows(); ++i) {
    auto const k = std::size_t(i);
    std::vector<matrix> one;
    for (auto const& m : in) {
      one.emplace_back(1, m.cols);
      std::copy_n(m.at.begin() + i * m.cols, m.cols, one.back().at.begin());
    }
    auto const alone = r.run({{all.token[k]}, {all.sequence[k]}, {all.position[k]}}, one)[0];
    INFO("row " << i);
    CHECK(std::memcmp(alone.data(), together.data() + k * width, width * sizeof(float)) == 0);
  }
}

/// Runs P on steps and compares every output with the interpreter's.
template <class P> void check_against_interpreter(std::vector<step> const& steps, double tolerance, int room = 16) {
  int rows = 0, sequences = 0;
  for (auto const& s : steps) {
    rows = std::max(rows, s.rows());
    for (int const q : s.sequence) sequences = std::max(sequences, q + 1);
  }
  runner<P> r(rows, sequences, room);
  for (auto const& s : steps) {
    auto const in = runner<P>::inputs(s);
    auto const found = r.run(s, in);
    auto const expected = r.expected(s, in);
    for (std::size_t k = 0; k < found.size(); ++k) {
      INFO(s.rows() << " rows, output " << k);
      CHECK(relative_difference(found[k], expected[k]) < tolerance);
    }
  }
}

}  // namespace cria::test
