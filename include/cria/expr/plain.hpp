#pragma once
// Plain tensors of doubles with the operators of expressions: Block::forward(plain<...>) computes what the block says,
// operator by operator. It is the oracle of any block, those of users included.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/expr/cross_entropy.hpp"
#include "cria/expr/custom_row.hpp"
#include "cria/expr/embedding.hpp"
#include "cria/expr/map.hpp"
#include "cria/expr/matmul.hpp"

namespace cria {

/// The rows of a step and the weights by name, each [out, in] or [axis] in one piece. Attention sees the rows of this
/// step, a loss wants their targets.
struct plain_step {
  std::vector<int> token, sequence, position;
  std::map<std::string, std::vector<double>, std::less<>> weights;
  std::vector<int> target{};
  std::size_t rows() const { return position.size(); }

  /// Throws where there is none of this name, or it has another size.
  std::vector<double> const& weight(std::string_view name, std::size_t size) const {
    auto const found = weights.find(name);
    if (found == weights.end()) throw error(name, "no weight of this name");
    if (found->second.size() != size)
      throw error(name, "wrong size of a weight", std::to_string(size), std::to_string(found->second.size()));
    return found->second;
  }
};

/// A value of the given axes: [token, axis] or [token].
template <class Shape> struct plain;
template <> struct plain<token_ids> {
  plain_step const* step;
};
template <> struct plain<position_ids> {
  plain_step const* step;
};
template <class T, class... A> struct plain<shape<T, A...>> {
  static constexpr std::size_t cols = std::size_t((1 * ... * A::extent));
  plain_step const* step;
  std::vector<double> at;

  explicit plain(plain_step const& s) : step(&s), at(s.rows() * cols) {}
  plain(plain_step const& s, std::vector<double> values) : step(&s), at(std::move(values)) {
    if (at.size() != s.rows() * cols)
      throw error("plain", "wrong number of values", std::to_string(s.rows() * cols), std::to_string(at.size()));
  }
  double& operator()(std::size_t row, std::size_t col) { return at[row * cols + col]; }
  double operator()(std::size_t row, std::size_t col) const { return at[row * cols + col]; }
};

namespace detail {

/// A value with f(row, col) everywhere.
template <class S, class F> plain<S> filled(plain_step const& s, F const& f) {
  plain<S> y(s);
  for (std::size_t row = 0; row < s.rows(); ++row)
    for (std::size_t col = 0; col < y.cols; ++col) y(row, col) = f(row, col);
  return y;
}

/// M::apply in the precision that it has, f64 where it takes that.
template <class M> double applied(double x) {
  if constexpr (std::is_same_v<decltype(M::apply(x)), double>) return M::apply(x);
  else return double(M::apply(static_cast<float>(x)));
}

/// One thread for row operators.
struct plain_team {
  template <class F> void each(int n, F const& f) const {
    for (int i = 0; i < n; ++i) f(i);
  }
  template <class F> double sum(int n, F const& f) const {
    double total = 0;
    for (int i = 0; i < n; ++i) total += double(f(i));
    return total;
  }
  template <class F> double largest(int n, F const& f) const {
    double most = double(f(0));
    for (int i = 1; i < n; ++i) most = std::max(most, double(f(i)));
    return most;
  }
  void barrier() const {}
};

}  // namespace detail

template <class S> plain<S> operator+(plain<S> const& x, plain<S> const& y) {
  return detail::filled<S>(*x.step, [&](auto row, auto col) { return x(row, col) + y(row, col); });
}

template <class S> plain<S> operator-(plain<S> const& x, plain<S> const& y) {
  return detail::filled<S>(*x.step, [&](auto row, auto col) { return x(row, col) - y(row, col); });
}

template <class S> plain<S> operator*(plain<S> const& x, plain<S> const& y) {
  return detail::filled<S>(*x.step, [&](auto row, auto col) { return x(row, col) * y(row, col); });
}

template <class T, class A, class Tag> plain<shape<T, A>> operator+(plain<shape<T, A>> const& x, weight_t<Tag, A>) {
  auto const& w = x.step->weight(Tag::name, x.cols);
  return detail::filled<shape<T, A>>(*x.step, [&](auto row, auto col) { return x(row, col) + w[col]; });
}

template <class T, class A, class Tag> plain<shape<T, A>> operator*(plain<shape<T, A>> const& x, weight_t<Tag, A>) {
  auto const& w = x.step->weight(Tag::name, x.cols);
  return detail::filled<shape<T, A>>(*x.step, [&](auto row, auto col) { return x(row, col) * w[col]; });
}

template <class S> plain<S> operator*(plain<S> const& x, double by) {
  return detail::filled<S>(*x.step, [&](auto row, auto col) { return x(row, col) * double(float(by)); });
}
template <class S> plain<S> operator*(double by, plain<S> const& x) { return x * by; }

template <class S> plain<S> gelu_tanh(plain<S> const& x) {
  return detail::filled<S>(*x.step, [&](auto row, auto col) {
    double const v = x(row, col);
    return v / 2 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (v + 0.044715 * v * v * v)));
  });
}

template <class Tag, class S> plain<S> const& capture(plain<S> const& x) { return x; }

template <class S> plain<S> silu(plain<S> const& x) {
  return detail::filled<S>(*x.step, [&](auto row, auto col) { return x(row, col) / (1 + std::exp(-x(row, col))); });
}

template <custom_map M, class S> plain<S> map(plain<S> const& x) {
  return detail::filled<S>(*x.step, [&](auto row, auto col) { return detail::applied<M>(x(row, col)); });
}

/// Row operators get f64, and work in it where their own numbers are `auto`.
template <class M, class T, class A> requires custom_row_operator<M, A> auto custom_row(plain<shape<T, A>> const& x) {
  plain<shape<T, typename M::template result<A>>> y(*x.step);
  for (std::size_t row = 0; row < x.step->rows(); ++row) {
    auto const get = [&](int k) { return x(row, std::size_t(k)); };
    auto const put = [&](int k, double value) { y(row, std::size_t(k)) = value; };
    M::row(detail::plain_team{}, get, put, A::extent);
  }
  return y;
}

template <class T, class A, class Tag, class Out>
plain<shape<T, Out>> matmul(plain<shape<T, A>> const& x, weight_t<Tag, Out, A>) {
  auto const& w = x.step->weight(Tag::name, std::size_t(Out::extent) * x.cols);
  return detail::filled<shape<T, Out>>(*x.step, [&](auto row, auto col) {
    double sum = 0;
    for (std::size_t k = 0; k < x.cols; ++k) sum += x(row, k) * w[col * x.cols + k];
    return sum;
  });
}

template <class T, class A> plain<shape<T, A>> normalise(plain<shape<T, A>> const& x, double epsilon = 1e-5) {
  std::vector<double> squares(x.step->rows());
  for (std::size_t i = 0; i < x.at.size(); ++i) squares[i / x.cols] += x.at[i] * x.at[i];
  return detail::filled<shape<T, A>>(
      *x.step, [&](auto row, auto col) { return x(row, col) / std::sqrt(squares[row] / double(x.cols) + epsilon); });
}

template <class T, class A, class Tag>
plain<shape<T, A>> rms_norm(plain<shape<T, A>> const& x, weight_t<Tag, A>, double epsilon = 1e-5) {
  return normalise(x, epsilon) * weight<Tag, A>;
}

template <class T, class A, class Tag, class B>
plain<shape<T, A>> head_rms_norm(plain<shape<T, A>> const& x, weight_t<Tag, B>, double epsilon = 1e-5) {
  constexpr std::size_t size = A::size;
  auto const& w = x.step->weight(Tag::name, size);
  return detail::filled<shape<T, A>>(*x.step, [&](auto row, auto col) {
    double squares = 0;
    for (std::size_t d = 0; d < size; ++d) squares += x(row, col / size * size + d) * x(row, col / size * size + d);
    return x(row, col) / std::sqrt(squares / double(size) + epsilon) * w[col % size];
  });
}

template <class T, class A, class Tag, class Tag2>
plain<shape<T, A>> layer_norm(plain<shape<T, A>> const& x, weight_t<Tag, A>, weight_t<Tag2, A>, double epsilon = 1e-5) {
  std::vector<double> mean(x.step->rows());
  for (std::size_t i = 0; i < x.at.size(); ++i) mean[i / x.cols] += x.at[i] / double(x.cols);
  auto const centred = detail::filled<shape<T, A>>(*x.step, [&](auto row, auto col) { return x(row, col) - mean[row]; });
  return normalise(centred, epsilon) * weight<Tag, A> + weight<Tag2, A>;
}

template <class T, class A> plain<shape<T, A>> rope(plain<shape<T, A>> const& x, rotation turn = {}) {
  return detail::filled<shape<T, A>>(*x.step, [&](auto row, auto col) {
    auto const pair = col % A::size / 2 * 2;
    double const angle = x.step->position[row] * frequency(turn, int(pair), A::size);
    double const c = std::cos(angle), s = std::sin(angle);
    return col % 2 == 0 ? x(row, col) * c - x(row, col + 1) * s : x(row, col - 1) * s + x(row, col) * c;
  });
}
template <class S> plain<S> rope(plain<S> const& x, double theta) { return rope(x, rotation{.theta = theta}); }

template <class T, class Q, class K>
plain<shape<T, Q>> attention(plain<shape<T, Q>> const& q, plain<shape<T, K>> const& k, plain<shape<T, K>> const& v,
                             int window = 0) {
  constexpr std::size_t size = Q::size, share = Q::count / K::count;
  auto const& s = *q.step;
  plain<shape<T, Q>> y(s);
  for (std::size_t row = 0; row < s.rows(); ++row)
    for (std::size_t h = 0; h < Q::count; ++h) {
      std::size_t const at = h * size, kv = h / share * size;
      std::vector<double> score(s.rows(), -INFINITY);
      double top = -INFINITY, total = 0;
      for (std::size_t u = 0; u < s.rows(); ++u) {
        int const before = s.position[row] - s.position[u];
        if (s.sequence[u] != s.sequence[row] || before < 0 || (window > 0 && before >= window)) continue;
        score[u] = 0;
        for (std::size_t d = 0; d < size; ++d) score[u] += q(row, at + d) * k(u, kv + d) / std::sqrt(double(size));
        top = std::max(top, score[u]);
      }
      for (double x : score) total += std::exp(x - top);
      for (std::size_t u = 0; u < s.rows(); ++u)
        for (std::size_t d = 0; d < size; ++d) y(row, at + d) += std::exp(score[u] - top) / total * v(u, kv + d);
    }
  return y;
}

template <class T, class A> plain<shape<T>> cross_entropy(plain<shape<T, A>> const& x) {
  return detail::filled<shape<T>>(*x.step, [&](auto row, auto) {
    auto const* const begin = &x.at[row * x.cols];
    double const top = *std::max_element(begin, begin + x.cols);
    double total = 0;
    for (std::size_t k = 0; k < x.cols; ++k) total += std::exp(begin[k] - top);
    return top + std::log(total) - begin[x.step->target.at(row)];
  });
}

inline plain<position_ids> positions(plain<token_ids> ids) { return {ids.step}; }

/// Throws where a position or a token has no row.
template <class Ids, class Tag, class Rows, class A> requires(std::is_same_v<Ids, token_ids> || std::is_same_v<Ids, position_ids>)
plain<shape<tokens, A>> embedding(plain<Ids> ids, weight_t<Tag, Rows, A>) {
  constexpr std::size_t cols = std::size_t(A::extent);
  auto const& w = ids.step->weight(Tag::name, std::size_t(Rows::extent) * cols);
  auto const& chosen = std::is_same_v<Ids, token_ids> ? ids.step->token : ids.step->position;
  for (int const id : chosen) check_range(Tag::name, id, 0, Rows::extent);
  return detail::filled<shape<tokens, A>>(*ids.step,
                                          [&](auto row, auto col) { return w[std::size_t(chosen[row]) * cols + col]; });
}

}  // namespace cria
