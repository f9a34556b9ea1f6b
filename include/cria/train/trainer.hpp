#pragma once
// The training loop: windows of tokens into steps of the optimiser, with everything counted and nothing printed.
#include <chrono>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/train/engine.hpp"
#include "cria/train/micro_batches.hpp"
#include "cria/train/recipe.hpp"
#include "cria/train/schedule.hpp"

namespace cria::train {

/// Where training rows come from.
class row_source {
 public:
  virtual ~row_source() = default;
  /// Appends the next window: whole sequences, numbered from 0, with weight 1 where the row's target counts and 0 where not.
  virtual void next(std::vector<row>& to) = 0;
};

/// How far a run has come; the seconds are those of its steps.
struct progress {
  long step = 0, tokens = 0;
  double seconds = 0;
};

/// One step, as it ended. Losses are means over the targets that count, in nats.
struct step_record {
  progress done{};
  double loss = 0, gradient_norm = 0, rate = 0;
  double tokens_per_second = 0, flops_per_second = 0;
  double peak_share = 0;  // of the machine's f32 multiply-adds
  std::optional<double> validation_loss{};
};

/// Who is told what happens, and keeps it.
class observer {
 public:
  virtual ~observer() = default;
  virtual void stepped(step_record const&) = 0;
  /// Model and source are as step `done.step` left them.
  virtual void save(progress const& done) = 0;
  /// Asked after every step; true ends the run there.
  virtual bool stop() { return false; }
};

struct trainer_options {
  recipe how;
  std::vector<std::vector<row>> held_out{};  // windows, as a source gives them
  long validate_every = 0;                   // steps, and at the last; 0: never
  long save_every = 0;                       // steps, and at the last; 0: only then
};

enum class run_end { finished, stopped };

class trainer {
 public:
  /// All three must outlive this. `begun`: what was done before, to go on from.
  trainer(engine& model, row_source& source, trainer_options options, progress begun = {})
      : model_(model), source_(source), o_(std::move(options)), done_(begun), peak_flops_(model.peak_flops()),
        schedule_{o_.how.peak_rate, o_.how.warmup, o_.how.steps(), o_.how.final_ratio} {}

  /// Steps to the end of the recipe or until `watch` stops it, and saves there. Throws cria::error, with nothing saved since, when a
  /// loss, a gradient or a weight is no finite number.
  run_end run(observer& watch) {
    while (done_.step < o_.how.steps()) {
      auto record = step();
      bool const last = done_.step == o_.how.steps(), stops = watch.stop();
      if (o_.validate_every > 0 && !o_.held_out.empty() && (last || done_.step % o_.validate_every == 0))
        record.validation_loss = validate();
      watch.stepped(record);
      if (last || stops || (o_.save_every > 0 && done_.step % o_.save_every == 0)) {
        check_weights();
        watch.save(done_);
      }
      if (stops && !last) return run_end::stopped;
    }
    return run_end::finished;
  }

  /// Of the held-out windows.
  double validate() {
    auto windows = o_.held_out;
    double loss = 0;
    for (auto const& part : micro_batches(windows, model_.most_rows())) loss += model_.loss(part);
    return finite("the validation loss", loss);
  }

 private:
  engine& model_;
  row_source& source_;
  trainer_options o_;
  progress done_;
  double peak_flops_;
  schedule schedule_;

  step_record step() {
    auto const start = std::chrono::steady_clock::now();
    std::vector<std::vector<row>> windows;
    for (std::size_t rows = 0; rows < std::size_t(o_.how.batch_tokens); rows += windows.back().size()) {
      source_.next(windows.emplace_back());
      if (windows.back().empty()) throw error("training data", "a window without tokens");
    }
    ++done_.step;
    step_record r;
    r.rate = schedule_.rate(done_.step);
    double flops = 0;
    long tokens = 0;
    for (auto const& part : micro_batches(windows, model_.most_rows())) {
      r.loss += model_.accumulate(part);
      tokens += long(part.size());
      for (auto const& row : part) flops += model_.flops_per_row() + (row.position + 1) * model_.flops_per_position();
    }
    finite("the loss", r.loss);
    r.gradient_norm = finite("the gradient's norm", model_.update(o_.how.optimiser(r.rate, done_.step)));
    double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    done_.tokens += tokens;
    done_.seconds += seconds;
    r.done = done_;
    r.tokens_per_second = double(tokens) / seconds;
    r.flops_per_second = flops / seconds;
    r.peak_share = r.flops_per_second / peak_flops_;
    return r;
  }

  double finite(std::string_view what, double value) const {
    if (!std::isfinite(value))
      throw error(fmt::format("step {}", done_.step), fmt::format("{} is no finite number; nothing was saved since the last checkpoint", what),
                  "a lower --rate or a longer --warmup", fmt::format("{}", value));
    return value;
  }

  /// An update that overflows shows in the next step's loss, which would be too late for a checkpoint.
  void check_weights() const {
    auto const all = model_.parameters();
    for (std::size_t i = 0; i < all.size(); ++i)
      for (float const v : model_.read(state::weight, i)) finite(all[i].name, double(v));
  }
};

}  // namespace cria::train
