#pragma once
// Evaluates graphs and plans in double precision, node by node as the comments of expr/node.hpp say: what passes are
// checked against.
#include <cmath>
#include <map>
#include <stdexcept>
#include <vector>

#include "cria/graph/plan.hpp"
#include "support/difference.hpp"

namespace cria::test {

struct matrix {
  int rows = 0, cols = 0;
  std::vector<double> at;
  matrix() = default;
  matrix(int r, int c) : rows(r), cols(c), at(std::size_t(r) * std::size_t(c)) {}
  double& operator()(int r, int c) { return at[std::size_t(r) * std::size_t(cols) + std::size_t(c)]; }
  double operator()(int r, int c) const { return at[std::size_t(r) * std::size_t(cols) + std::size_t(c)]; }
  /// The element, one row or one column repeated.
  double wide(int r, int c) const { return (*this)(rows == 1 ? 0 : r, cols == 1 ? 0 : c); }
};

/// The rows of a step, the function behind a custom map: f(x, part), and what a loss wants of each row.
struct step {
  std::vector<int> token, sequence, position;
  double (*custom)(double, int) = nullptr;
  std::vector<int> target{};
  int rows() const { return int(position.size()); }
};

/// Values and seeded numbers in (-1, 1).
inline matrix numbers(int rows, int cols, unsigned seed) {
  matrix m(rows, cols);
  for (double& x : m.at) {
    seed = seed * 1664525u + 1013904223u;
    x = double(seed >> 8) / double(1 << 23) - 1;
  }
  return m;
}

/// A node's value, given its operands'.
inline matrix compute(graph const& g, node const& n, std::vector<matrix const*> const& in, step const& s) {
  int const rows = n.rows == per_token ? s.rows() : n.rows;
  matrix r(rows, n.cols);
  auto const each = [&](auto const& f) {
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < n.cols; ++j) r(i, j) = f(i, j);
  };
  auto const dot = [&](int k_count, auto const& f) {
    each([&](int i, int j) {
      double t = 0;
      for (int k = 0; k < k_count; ++k) t += f(i, j, k);
      return t;
    });
  };
  auto const a = [&](int i, int j) { return in[0]->wide(i, j); };
  auto const b = [&](int i, int j) { return in[1]->wide(i, j); };
  auto const sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  auto const gelu = [](double x) { return (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))) / 2; };
  auto const kv_of = [&](int h) { return h / (n.count / n.kv_count); };
  auto const chosen = [&](int i) { return (n.part == chosen_by::position ? s.position : s.token)[std::size_t(i)]; };
  // e^(score - shift) of row i with each row that it sees, in head h.
  auto const weights = [&](int i, int h, double shift) {
    std::vector<double> w(std::size_t(s.rows()), 0.0);
    for (int t = 0; t < s.rows(); ++t) {
      if (s.sequence[std::size_t(t)] != s.sequence[std::size_t(i)] ||
          s.position[std::size_t(t)] > s.position[std::size_t(i)] ||
          (n.window > 0 && s.position[std::size_t(i)] - s.position[std::size_t(t)] >= n.window))
        continue;
      double score = 0;
      for (int d = 0; d < n.size; ++d) score += (*in[0])(i, h * n.size + d) * (*in[1])(t, kv_of(h) * n.size + d);
      w[std::size_t(t)] = std::exp(score / std::sqrt(n.size) - shift);
    }
    return w;
  };
  auto const lse = [&](int i, int h) {
    double total = 0;
    for (double const w : weights(i, h, 0)) total += w;
    return std::log(total);
  };
  switch (n.kind) {
    case op::embedding:
      each([&](int i, int j) { return (*in[0])(chosen(i), j); });
      break;
    case op::map:
      each([&](int i, int j) -> double {
        switch (n.f) {
          case fn::copy:
            return a(i, j);
          case fn::negative:
            return -a(i, j);
          case fn::subtract:
            return a(i, j) - b(i, j);
          case fn::softmax:
            return std::exp(a(i, j) - b(i, j));
          case fn::add:
            return a(i, j) + b(i, j);
          case fn::mul:
            return a(i, j) * b(i, j);
          case fn::along_head:
            return (*in[0])(i, j / n.size);
          case fn::in_each_head:
            return (*in[0])(0, j % n.size);
          case fn::scale:
            return a(i, j) * double(float(n.scalar));
          case fn::gelu_tanh:
            return a(i, j) * gelu(a(i, j));
          case fn::gelu_tanh_slope: {
            double const x = a(i, j), share = gelu(x);
            return share + x * share * (1 - share) * 2 * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
          }
          case fn::silu:
            return a(i, j) * sigmoid(a(i, j));
          case fn::silu_slope:
            return sigmoid(a(i, j)) * (1 + a(i, j) * (1 - sigmoid(a(i, j))));
          case fn::rstd:
            return 1 / std::sqrt(a(i, j) / n.size + n.scalar);
          case fn::rstd_slope:
            return -0.5 * std::pow(a(i, j), 3) / n.size;  // of the value, not of the sum
          case fn::custom:
            return s.custom(a(i, j), n.part);
          default:
            throw std::logic_error("a map of no function");
        }
      });
      break;
    case op::rope:
      each([&](int i, int j) {
        double const angle =
            n.part * s.position[std::size_t(i)] * frequency(g.rotations[n.turn].turn, j % n.size / 2 * 2, n.size);
        return j % 2 == 0 ? a(i, j) * std::cos(angle) - a(i, j + 1) * std::sin(angle)
                          : a(i, j - 1) * std::sin(angle) + a(i, j) * std::cos(angle);
      });
      break;
    case op::row_sum:
      dot(in[0]->cols / n.cols, [&](int i, int j, int k) { return (*in[0])(i, j * (in[0]->cols / n.cols) + k); });
      break;
    case op::token_sum:
      for (int k = 0; k < in[0]->rows; ++k)
        for (int j = 0; j < in[0]->cols; ++j) r(0, j % n.cols) += (*in[0])(k, j);
      break;
    case op::log_sum_exp:
      each([&](int i, int) {
        double t = 0;
        for (int k = 0; k < in[0]->cols; ++k) t += std::exp((*in[0])(i, k));
        return std::log(t);
      });
      break;
    case op::pick:
      each([&](int i, int) { return (*in[0])(i, s.target[std::size_t(i)]); });
      break;
    case op::pick_back:
      each([&](int i, int j) { return j == s.target[std::size_t(i)] ? (*in[0])(i, 0) : 0.0; });
      break;
    case op::matmul:
      dot(in[0]->cols, [&](int i, int j, int k) { return (*in[0])(i, k) * (*in[1])(j, k); });
      break;
    case op::matmul_dx:
      each([&](int i, int j) {
        double t = 0;
        for (std::size_t w = 1; w < in.size(); w += 2)
          for (int k = 0; k < in[w - 1]->cols; ++k) t += (*in[w - 1])(i, k) * (*in[w])(k, j);
        return t;
      });
      break;
    case op::matmul_dw:
      dot(s.rows(), [&](int i, int j, int k) { return in[0]->wide(k, i) * in[1]->wide(k, j); });
      break;
    case op::embedding_dw:
      dot(s.rows(), [&](int i, int j, int k) { return chosen(k) == i ? (*in[0])(k, j) : 0.0; });
      break;
    case op::attention:
      for (int i = 0; i < s.rows(); ++i)
        for (int h = 0; h < n.count; ++h) {
          auto const w = weights(i, h, lse(i, h));
          for (int u = 0; u < s.rows(); ++u)
            for (int d = 0; d < n.size; ++d)
              r(i, h * n.size + d) += w[std::size_t(u)] * (*in[2])(u, kv_of(h) * n.size + d);
        }
      break;
    case op::attention_lse:
      each(lse);
      break;
    case op::attention_back:
      for (int i = 0; i < s.rows(); ++i)
        for (int h = 0; h < n.count; ++h) {
          auto const w = weights(i, h, (*in[5])(i, h));
          std::vector<double> dw(w.size(), 0.0);
          double mean = 0;
          for (int d = 0; d < n.size; ++d) mean += (*in[3])(i, h * n.size + d) * (*in[4])(i, h * n.size + d);
          for (std::size_t u = 0; u < w.size(); ++u)
            for (int d = 0; d < n.size; ++d)
              dw[u] += (*in[3])(i, h * n.size + d) * (*in[2])(int(u), kv_of(h) * n.size + d);
          for (int u = 0; u < s.rows(); ++u)
            for (int d = 0; d < n.size; ++d) {
              double const slope = w[std::size_t(u)] * (dw[std::size_t(u)] - mean) / std::sqrt(n.size);
              int const qd = h * n.size + d, kd = kv_of(h) * n.size + d;
              if (n.part == 0) r(i, qd) += slope * (*in[1])(u, kd);
              if (n.part == 1) r(u, kd) += slope * (*in[0])(i, qd);
              if (n.part == 2) r(u, kd) += w[std::size_t(u)] * (*in[3])(i, qd);
            }
        }
      break;
    default:
      throw std::logic_error("not computed: " + std::to_string(int(n.kind)));
  }
  return r;
}

/// The values of all nodes; `leaf(i)` gives inputs and weights.
template <class Leaf> std::vector<matrix> interpret(graph const& g, step const& s, Leaf const& leaf) {
  std::vector<matrix> value;
  for (int i = 0; i < g.count; ++i) {
    std::vector<matrix const*> in;
    for (int k = 0; k < g.nodes[i].arity(); ++k) in.push_back(&value[std::size_t(g.nodes[i].in[k])]);
    value.push_back(is_leaf(g.nodes[i]) ? leaf(i) : compute(g, g.nodes[i], in, s));
  }
  return value;
}

/// Runs a plan kernel by kernel with nothing but its memory: a kernel loads what other kernels stored from where
/// `place` put it, recomputes what is not stored, and writes its outputs when all are computed. Returns the outputs of
/// the graph.
template <class Leaf> std::vector<matrix> run_plan(plan const& p, step const& s, Leaf const& leaf) {
  std::vector<double> work(std::size_t(p.work) * std::size_t(s.rows()), NAN), fixed(std::size_t(p.fixed), NAN);
  std::map<std::pair<region, int>, matrix> kept;    // outputs and caches
  auto const in_work = [&](int i, auto const& f) {  // f(memory, element)
    node const& n = p.g.nodes[i];
    bool const rows = p.where[i].at == region::work;
    std::size_t const begin = std::size_t(p.where[i].index) * std::size_t(rows ? s.rows() : 1);
    for (std::size_t k = 0; k < std::size_t(n.rows == per_token ? s.rows() : n.rows) * std::size_t(n.cols); ++k)
      f((rows ? work : fixed).at(begin + k), k);
  };
  for (int q = 0; q < p.count; ++q) {
    std::map<int, matrix> here;
    auto const value = [&](auto const& self, int i) -> matrix const& {
      if (auto const found = here.find(i); found != here.end()) return found->second;
      node const& n = p.g.nodes[i];
      if (is_leaf(n)) return here[i] = leaf(i);
      if (p.home[i] >= 0 && p.home[i] != q) {
        if (!p.stored[i] || p.home[i] > q)
          throw std::logic_error("kernel " + std::to_string(q) + " reads node " + std::to_string(i) +
                                 ", which is not in memory");
        if (p.where[i].at != region::work && p.where[i].at != region::fixed)
          return here[i] = kept.at({p.where[i].at, p.where[i].index});
        matrix m(n.rows == per_token ? s.rows() : n.rows, n.cols);
        in_work(i, [&](double x, std::size_t k) { m.at[k] = x; });
        return here[i] = m;
      }
      std::vector<matrix const*> in;
      for (int k = 0; k < n.arity(); ++k) in.push_back(&self(self, n.in[k]));
      return here[i] = compute(p.g, n, in, s);
    };
    group const& k = p.groups[q];
    std::vector<matrix> results;
    for (int o = 0; o < k.output_count; ++o) results.push_back(value(value, k.outputs[o]));
    for (int o = 0; o < k.output_count; ++o) {
      int const i = k.outputs[o];
      if (p.where[i].at != region::work && p.where[i].at != region::fixed)
        kept[{p.where[i].at, p.where[i].index}] = results[std::size_t(o)];
      else
        in_work(i, [&](double& x, std::size_t e) { x = results[std::size_t(o)].at[e]; });
    }
  }
  std::vector<matrix> outputs;
  for (int o = 0; o < p.g.output_count; ++o) outputs.push_back(kept.at({region::output, o}));
  return outputs;
}

inline double largest_difference(matrix const& a, matrix const& b) {
  return a.rows == b.rows && a.cols == b.cols ? largest_difference(a.at, b.at) : HUGE_VAL;
}

}  // namespace cria::test
