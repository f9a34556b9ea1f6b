#pragma once
// How long a guess should be: as long as another token of it is likely to bring more than it costs.
#include <algorithm>

namespace cria::infer {

/// Seconds of a pass over the number of its rows: a straight line through the passes of late.
class pass_time {
 public:
  void add(int rows, double seconds) {
    double const share = 1.0 / (passes_ = std::min(passes_ + 1, 64)), n = rows;
    rows_ += share * (n - rows_), seconds_ += share * (seconds - seconds_);
    squares_ += share * (n * n - squares_), products_ += share * (n * seconds - products_);
  }

  /// What another row costs, and `more_seconds` elsewhere, as a share of a pass of `rows`. Until passes differ in their rows,
  /// a row is taken to cost an eighth of a pass.
  double share_of_row(int rows, double more_seconds) const {
    double const spread = squares_ - rows_ * rows_;
    double const row = spread > 1e-3 ? std::max(0.0, (products_ - rows_ * seconds_) / spread) : seconds_ / 8;
    double const pass = std::max(seconds_ / 8, seconds_ + row * (rows - rows_));
    return pass > 0 ? std::max(least, (row + more_seconds) / pass) : 1.0 / 8;
  }

 private:
  static constexpr double least = 0.02;  // no row is free
  int passes_ = 0;
  double rows_ = 0, seconds_ = 0, squares_ = 0, products_ = 0;  // running means
};

/// The length of the guesses for one sequence.
class draft_length {
 public:
  /// At most `most`. `others`: tokens that the pass brings anyway, `cost`: of another token, as a share of that pass. Where no
  /// guess pays, one token is tried now and then, ever more seldom.
  int next(double cost, int others, int most) {
    double likely = rate_, gained = others, time = 1;
    int length = 0;
    for (; length < most && likely * time > margin * cost * gained; ++length) gained += likely, time += cost, likely *= rate_;
    tried_ = length == 0 && most > 0 && wait_ == 0;
    if (length > 0) return pause_ = wait_ = 0, length;
    if (!tried_) return wait_ = std::max(0, wait_ - 1), 0;
    pause_ = wait_ = std::clamp(2 * pause_, 1, 64);
    return 1;
  }

  /// How many of the `drafted` tokens came.
  void took(int drafted, int accepted) {
    if (drafted == 0 && tried_) pause_ /= 2, wait_ = 0;  // there was no guess to try
    double const share = tried_ ? 1.0 / 4 : 1.0 / 8;     // what is known from before a pause is old
    for (int i = 0; i < accepted; ++i) rate_ += share * (1 - rate_);
    if (accepted < drafted) rate_ -= share * rate_;
    tried_ = false;
  }

 private:
  static constexpr double margin = 1.25;  // estimates err, and those that err upwards are followed
  double rate_ = 0.7;  // of the tokens that are guessed, the share that comes
  int pause_ = 0, wait_ = 0;  // passes between tries, and those that are left
  bool tried_ = false;
};

}  // namespace cria::infer
