#pragma once
// The training loop: windows of tokens into steps of the optimiser, with everything counted and nothing printed.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/train/engine.hpp"
#include "cria/train/micro_batches.hpp"
#include "cria/train/recipe.hpp"
#include "cria/train/schedule.hpp"

namespace cria::train {

/// Gives the rows of the next global batch: whole sequences, and weights that make their loss what it should be, mostly
/// the mean.
using batch_source = std::function<std::vector<row>()>;

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
  /// Model and source of batches are as this step left them, and the weights are finite.
  virtual void save(step_record const&) = 0;
  /// Asked after every step; true ends the run there.
  virtual bool stop() { return false; }
};

/// How a run goes.
struct trainer_options {
  recipe how;
  std::vector<row> held_out{};  // as a source gives them
  long validate_every = 0;      // steps, and where it saves; 0: never
  long save_every = 0;          // steps, and at the last; 0: only then
};

/// Why a run ended.
enum class run_end { finished, stopped };

/// The training loop: batches, schedule, validation, and who is told of it.
class trainer {
 public:
  /// `model` must outlive this. `begun`: what was done before, to go on from.
  trainer(engine& model, batch_source next, trainer_options options, progress begun = {})
      : model_(model),
        next_(std::move(next)),
        o_(std::move(options)),
        done_(begun),
        measured_until_(begun.step + 4),
        schedule_{o_.how.peak_rate, o_.how.warmup, o_.how.steps(), o_.how.final_ratio} {}

  /// Steps to the end of the recipe or until `watch` stops it, and saves there. Throws cria::error, with nothing saved
  /// since, when a loss, a gradient or a weight is no finite number.
  run_end run(observer& watch) {
    while (done_.step < o_.how.steps()) {
      auto record = step();
      bool const last = done_.step == o_.how.steps(), stops = watch.stop();
      bool const saves = last || (o_.save_every > 0 && done_.step % o_.save_every == 0);
      if (o_.validate_every > 0 && !o_.held_out.empty() && (saves || done_.step % o_.validate_every == 0))
        record.validation_loss = validate();
      watch.stepped(record);
      if (saves || stops) {
        check_weights();
        watch.save(record);
      }
      if (stops && !last) return run_end::stopped;
    }
    return run_end::finished;
  }

  /// Of the held-out rows.
  double validate() {
    double loss = 0;
    for (auto const& part : micro_batches(o_.held_out, model_.most_rows())) loss += model_.loss(part);
    return finite("the validation loss", loss);
  }

 private:
  engine& model_;
  batch_source next_;
  trainer_options o_;
  progress done_;
  double peak_flops_ = 0;  // measured after each of the first steps, when threads have found their cores; the largest counts
  long measured_until_;
  schedule schedule_;

  step_record step() {
    auto const start = std::chrono::steady_clock::now();
    auto const batch = next_();
    ++done_.step;
    step_record r;
    r.rate = schedule_.rate(done_.step);
    for (auto const& part : micro_batches(batch, model_.most_rows())) r.loss += model_.accumulate(part);
    finite("the loss", r.loss);
    r.gradient_norm = finite("the gradient's norm", model_.update(o_.how.optimiser(r.rate, done_.step)));
    double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    double flops = 0;
    for (auto const& row : batch) flops += model_.flops_per_row() + (row.position + 1) * model_.flops_per_position();
    done_.tokens += long(batch.size());
    done_.seconds += seconds;
    r.done = done_;
    r.tokens_per_second = double(batch.size()) / seconds;
    r.flops_per_second = flops / seconds;
    if (done_.step <= measured_until_) peak_flops_ = std::max(peak_flops_, model_.peak_flops());
    r.peak_share = r.flops_per_second / peak_flops_;
    return r;
  }

  double finite(std::string_view what, double value) const {
    if (!std::isfinite(value))
      throw error(fmt::format("step {}", done_.step),
                  fmt::format("{} is no finite number; nothing was saved since the last checkpoint", what),
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
