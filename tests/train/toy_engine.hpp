#pragma once
// A training engine without a model: logits of a token are its row of the first parameter, again and again where that
// is shorter, plus the last parameter in the same way. It truly learns, with AdamW in f64 on values kept in f32.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/train/engine.hpp"

namespace cria::test {

class toy_trainer : public train::engine {
 public:
  explicit toy_trainer(int tokens, int most_rows = 64)
      : toy_trainer({{"embed", 0, {tokens, tokens}, true}, {"norm", 0, {1, tokens}, true}}, most_rows) {}
  /// The first is [vocabulary, width], the last [1, width]; those between do nothing.
  toy_trainer(std::vector<train::parameter> parameters, int most_rows)
      : size_(parameters[0].shape[0]),
        width_(parameters[0].shape[1]),
        rows_(most_rows),
        parameters_(std::move(parameters)) {
    for (auto const& p : parameters_) {
      std::size_t const n = std::size_t(p.shape[0]) * std::size_t(p.shape[1]);
      gradients_.emplace_back(n);
      for (auto& values : values_) values.emplace_back(n);
    }
  }

  int vocabulary() const override { return size_; }
  int context() const override { return 1 << 20; }
  int most_rows() const override { return rows_; }
  double accumulate(std::span<train::row const> rows) override { return each(rows, true); }
  double loss(std::span<train::row const> rows) override { return each(rows, false); }

  double update(train::adamw const& how) override {
    double squares = 0;
    for (auto const& all : gradients_)
      for (double const g : all) squares += g * g;
    double const norm = std::sqrt(squares), scale = std::min(1.0, how.clip / (norm + 1e-6));
    if (std::isfinite(norm))
      for (std::size_t p = 0; p < gradients_.size(); ++p)
        for (std::size_t i = 0; i < gradients_[p].size(); ++i) {
          double const g = gradients_[p][i] * scale;
          auto& [w, m, v] = values_;
          m[p][i] = float(how.beta1 * m[p][i] + (1 - how.beta1) * g);
          v[p][i] = float(how.beta2 * v[p][i] + (1 - how.beta2) * g * g);
          double const mean = m[p][i] / (1 - std::pow(how.beta1, how.step)),
                       square = v[p][i] / (1 - std::pow(how.beta2, how.step));
          double const kept = parameters_[p].shape[0] > 1 ? 1 - how.rate * how.decay : 1;
          w[p][i] = float(w[p][i] * kept - how.rate * mean / (std::sqrt(square) + how.epsilon));
        }
    for (auto& all : gradients_) std::fill(all.begin(), all.end(), 0.0);
    updates.push_back(how);
    return norm;
  }

  std::span<train::parameter const> parameters() const override { return parameters_; }
  std::vector<float> read(train::state what, std::size_t i) const override { return values_[std::size_t(what)].at(i); }
  void write(train::state what, std::size_t i, std::span<float const> values) override {
    auto& to = values_[std::size_t(what)].at(i);
    if (values.size() != to.size()) throw error("toy", "size");
    to.assign(values.begin(), values.end());
  }

  double flops_per_row() const override { return 6.0 * size_ * size_; }
  double flops_per_position() const override { return 0; }
  double peak_flops() override { return 1e12; }
  std::size_t bytes() const override { return 0; }
  int concurrency() const override { return 1; }

  std::vector<train::adamw> updates;

 private:
  int size_, width_, rows_;
  std::vector<train::parameter> parameters_;
  std::vector<std::vector<double>> gradients_;
  std::array<std::vector<std::vector<float>>, 3> values_;  // by state

  double each(std::span<train::row const> rows, bool learns) {
    check(rows);
    double sum = 0;
    std::vector<double> p(std::size_t(size_), 0.0);
    for (auto const& r : rows) {
      std::size_t const width = std::size_t(width_), begin = std::size_t(r.token) * width;
      auto const &table = values_[0].front(), &shared = values_[0].back();
      double all = 0;
      for (std::size_t t = 0; t < p.size(); ++t)
        all += p[t] = std::exp(double(table[begin + t % width]) + shared[t % width]);
      sum -= r.weight * std::log(p[std::size_t(r.target)] / all);
      if (!learns) continue;
      for (std::size_t t = 0; t < p.size(); ++t) {
        double const g = r.weight * (p[t] / all - (int(t) == r.target));
        gradients_.front()[begin + t % width] += g, gradients_.back()[t % width] += g;
      }
    }
    return sum;
  }

  void check(std::span<train::row const> rows) const {
    if (rows.size() > std::size_t(rows_)) throw error("toy", "rows");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto const& r = rows[i];
      if (std::min(r.token, r.target) < 0 || std::max(r.token, r.target) >= size_) throw error("toy", "range");
      bool const begins = i == 0 || rows[i - 1].sequence != r.sequence;
      if (r.position != (begins ? 0 : rows[i - 1].position + 1)) throw error("toy", "not whole sequences");
      if (r.sequence != (i == 0 ? 0 : rows[i - 1].sequence + begins)) throw error("toy", "sequences not in order");
    }
  }
};

}  // namespace cria::test
