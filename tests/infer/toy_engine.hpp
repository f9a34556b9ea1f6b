#pragma once
// An engine without a model: logits that follow from the tokens so far by arithmetic, and a log of what it was asked.
#include <cmath>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/infer/engine.hpp"

namespace cria::test {

class toy_engine : public infer::engine {
 public:
  toy_engine(int tokens, int positions) : size(tokens), positions_(positions) {}

  int vocabulary() const override { return size; }
  int room() const override { return positions_; }
  infer::token_cost cost() const override {
    return {.weight_bytes = 1000, .cache_bytes_per_position = 10, .flops = 1, .flops_per_position = 1};
  }
  double read_bandwidth() override { return 1e9; }
  double peak_flops() override { return 1e9; }
  int concurrency() const override { return 1; }

  std::span<float const> forward(std::span<infer::row const> rows, infer::logits want) override {
    calls.emplace_back(rows.begin(), rows.end());
    out.clear();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto const& r = rows[i];
      if (r.position < 0 || r.position > int(cache.size()) || r.position >= positions_) throw error("toy", "position");
      if (r.token < 0 || r.token >= size) throw error("toy", "token");
      cache.resize(std::size_t(r.position));
      cache.push_back(r.token);
      if (want == infer::logits::all || (want == infer::logits::last && i + 1 == rows.size())) append_logits();
    }
    return out;
  }

  /// The token that is the likeliest after `before`.
  int likeliest(std::vector<int> const& before) const {
    unsigned sum = 7;
    for (int const t : before) sum = sum * 31 + unsigned(t);
    return int(sum / 16 % unsigned(size));
  }

  std::vector<std::vector<infer::row>> calls;

 private:
  void append_logits() {
    int const best = likeliest(cache);
    for (int t = 0; t < size; ++t) out.push_back(-0.01f * float(std::abs(t - best)));
  }

  int size, positions_;
  std::vector<int> cache;
  std::vector<float> out;
};

}  // namespace cria::test
