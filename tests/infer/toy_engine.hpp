#pragma once
// An engine without a model: logits that follow from the tokens so far by arithmetic, and a log of what it was asked.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cria/infer/engine.hpp"
#include "cria/run/pages.hpp"

namespace cria::test {

class toy_engine : public infer::engine {
 public:
  toy_engine(int tokens, int positions, int sequences = 1, int pool = 0)
      : size_(tokens),
        room_(positions),
        pages_(sequences, positions, pool ? pool : sequences * ((positions + page - 1) / page), page),
        text_(std::size_t(sequences)) {}

  int vocabulary() const override { return size_; }
  int room() const override { return room_; }
  infer::cache_size cache() const override { return {int(text_.size()), pages_.pages(), page}; }
  infer::token_cost cost() const override {
    return {.weight_bytes = 1000, .cache_bytes_per_position = 10, .flops = 1, .flops_per_position = 1};
  }
  double read_bandwidth() override { return 1e9; }
  double peak_flops() override { return 1e9; }
  int concurrency() const override { return 1; }

  std::span<float const> forward(std::span<infer::row const> rows, infer::logits want) override {
    calls.emplace_back(rows.begin(), rows.end());
    out_.clear();
    std::size_t const silent = rows.size() - std::min(rows.size(), std::size_t(want));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto const& r = rows[i];
      auto& text = text_.at(std::size_t(r.sequence));
      if (r.position < 0 || r.position > int(text.size()) || r.position >= room_) throw error("toy", "position");
      if (r.token < 0 || r.token >= size_) throw error("toy", "token");
      pages_.write(r.sequence, r.position);
      text.resize(std::size_t(r.position));
      text.push_back(r.token);
      if (i >= silent) append_logits(text);
    }
    return out_;
  }

  void share(int from, int to, int positions) override {
    pages_.share(from, to, positions);
    auto const text = text_.at(std::size_t(from));
    text_.at(std::size_t(to)).assign(text.begin(), text.begin() + positions);
  }

  int used_pages() const { return pages_.used(); }

  /// The token that is the likeliest after `before`.
  virtual int likeliest(std::vector<int> const& before) const {
    unsigned sum = 7;
    for (int const t : before) sum = sum * 31 + unsigned(t);
    return int(sum / 16 % unsigned(size_));
  }

  std::vector<std::vector<infer::row>> calls;
  static constexpr int page = 16;

 private:
  void append_logits(std::vector<int> const& text) {
    int const best = likeliest(text);
    for (int t = 0; t < size_; ++t) out_.push_back(-0.01f * float(std::abs(t - best)));
  }

  int size_, room_;
  page_table pages_;
  std::vector<std::vector<int>> text_;
  std::vector<float> out_;
};

}  // namespace cria::test
