#pragma once
// Guesses by another model, a smaller one with the same tokens.
#include <algorithm>
#include <chrono>

#include "cria/infer/draft/drafter.hpp"
#include "cria/infer/engine.hpp"

namespace cria::infer {

/// It draws as the other model will, with the same numbers of a copied generator: where their distributions are alike, so are
/// the tokens. A sequence that does not fit into the engine's cache gets no guess.
class model_drafter final : public drafter {
 public:
  /// `e` must outlive this.
  explicit model_drafter(engine& e) : model_(e), cached_(std::size_t(e.cache().sequences)) {}

  work_done draft(std::span<guess> guesses) override {
    try {
      return draft_together(guesses);
    } catch (...) {
      for (auto& c : cached_) c.clear();
      throw;
    }
  }

  double seconds_per_token() const override { return seconds_; }

 private:
  struct drawing {
    guess* to;
    sampler choose;
    int most;
  };
  engine& model_;
  std::vector<std::vector<int>> cached_;  // tokens of each sequence
  double seconds_ = 0;

  work_done draft_together(std::span<guess> guesses) {
    auto const start = std::chrono::steady_clock::now();
    work_done work;
    std::vector<drawing> active;
    std::vector<row> rows, last;
    for (auto& g : guesses) {
      int const most = std::min(g.most, model_.room() - int(g.text.size()) + 1);
      if (most < 1 || std::size_t(g.sequence) >= cached_.size()) continue;
      active.push_back({&g, *g.choose, most});
      catch_up(g, rows, last);
    }
    bool const reads_prompt = rows.size() > 32;
    while (!active.empty()) {
      rows.insert(rows.end(), last.begin(), last.end());
      auto const logits = model_.forward(rows, infer::logits(active.size()));
      work.bytes += bytes_of(active);
      work.tokens += int(active.size());
      rows.clear(), last.clear();
      std::size_t const vocabulary = logits.size() / active.size();
      for (std::size_t i = 0; i < active.size(); ++i) {
        auto& [g, choose, most] = active[i];
        g->tokens.push_back(choose(logits.subspan(i * vocabulary, vocabulary)));
        if (int(g->tokens.size()) < most) feed(g->sequence, g->tokens.back(), last);
      }
      std::erase_if(active, [](drawing const& d) { return int(d.to->tokens.size()) >= d.most; });
    }
    work.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (work.tokens > 0 && !reads_prompt) {
      double const now = work.seconds / work.tokens;
      seconds_ = seconds_ == 0 ? now : seconds_ + (now - seconds_) / 8;
    }
    return work;
  }

  void feed(int sequence, int token, std::vector<row>& to) {
    auto& cached = cached_[std::size_t(sequence)];
    to.push_back({token, sequence, int(cached.size())});
    cached.push_back(token);
  }

  /// The rows of the text that are not in the cache: the last one to `last`.
  void catch_up(guess const& g, std::vector<row>& rows, std::vector<row>& last) {
    auto& cached = cached_[std::size_t(g.sequence)];
    auto const known = std::mismatch(cached.begin(), cached.end(), g.text.begin(), g.text.end() - 1).first - cached.begin();
    cached.resize(std::size_t(known));
    for (int const token : g.text.subspan(std::size_t(known), g.text.size() - 1 - std::size_t(known)))
      feed(g.sequence, token, rows);
    feed(g.sequence, g.text.back(), last);
  }

  double bytes_of(std::vector<drawing> const& active) const {
    auto const cost = model_.cost();
    double bytes = cost.weight_bytes;
    for (auto const& d : active) bytes += cost.cache_bytes_per_position * double(cached_[std::size_t(d.to->sequence)].size());
    return bytes;
  }
};

}  // namespace cria::infer
