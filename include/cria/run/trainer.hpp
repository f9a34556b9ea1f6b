#pragma once
// A model in training: its stages forward and backward over whole sequences, gradients added in place, and steps of AdamW. What a
// layer keeps for its backward is a policy; of the logits no more than a chunk of rows exists.
#include <memory>
#include <ranges>
#include <span>

#include "cria/core/quantise.hpp"
#include "cria/graph/training.hpp"
#include "cria/run/execute.hpp"
#include "cria/run/gradients.hpp"
#include "cria/run/kokkos.hpp"
#include "cria/run/rotary.hpp"
#include "cria/run/rows.hpp"
#include "cria/run/workers.hpp"
#include "cria/run/workspace.hpp"

namespace cria {

/// What a trainer makes room for.
struct trainer_options {
  int rows = 1024;  // most rows of one pass
  int room = 0;     // most positions of a sequence, no more than the model has positions for; 0: as many as rows
  int logits = 1 << 23;  // most logits that exist at once, and as many gradients of them: 32 MB each
};

/// Trains the weights that Trained names; see training_of for Keep. Works on the execution-space instance it is given; nothing is
/// allocated inside a step.
template <class Model, class Policy, class Keep = keep::dear, class Trained = train_weights::all,
          class Exec = Kokkos::DefaultExecutionSpace>
class trainer {
 public:
  using stages = training_stages<Model, Policy, Keep, Trained>;
  using embedding_forward = typename stages::embedding_forward;
  using embedding_backward = typename stages::embedding_backward;
  using block_forward = typename stages::block_forward;
  using block_backward = typename stages::block_backward;
  using head_step = typename stages::head_step;
  using loss_forward = typename stages::loss_forward;
  using memory_space = typename Exec::memory_space;
  static constexpr int width = plan_of<embedding_forward>.g.nodes[plan_of<embedding_forward>.g.outputs[0]].cols;
  static constexpr row_limits limits = limits_of(plan_of<embedding_forward>.g);
  static constexpr int vocabulary = limits_of(plan_of<loss_forward>.g).target;
  static constexpr std::size_t kept_bytes_per_row = Model::layers * (stages::block::kept_bytes_per_row + sizeof(float) * width);

  /// Loads the weights; `read` and `done` as those of a session (weight_store::load).
  template <class Read, class Done>
  trainer(Exec const& exec, trainer_options const& options, Read const& read, Done const& done)
      : exec_((require_kokkos("trainer"), exec)), most_(options.rows) {
    weights_.template declare<embedding_forward>(1);
    weights_.template declare<block_forward>(Model::layers);
    weights_.template declare<loss_forward>(1);
    weights_.load(exec_, read, done);
    declare_gradients();
    room_ = std::min(options.room > 0 ? options.room : most_, limits.position);
    rotary_.template make<block_forward>(exec_, room_);
    rows_.make(most_);
    chunk_ = std::min(std::max(options.logits / vocabulary / 8 * 8, 8), most_);
    work_.template make<embedding_forward, embedding_backward, block_forward, block_backward>(exec_, most_, room_);
    head_work_.template make<head_step, loss_forward>(exec_, chunk_, room_);
    make_buffers();
    meeting_ = std::make_unique<barrier>(kernel::concurrency_of(exec_));
    exec_.fence();
  }

  /// Adds the gradients of sum weight * cross-entropy over the rows to those that are there, and returns the sum. Rows
  /// have token, sequence, position, target and weight; those of a sequence follow each other from position 0 on.
  /// Throws for what is out of range.
  template <std::ranges::contiguous_range Rows> double accumulate(Rows const& rows) {
    require_kokkos("trainer");
    profiling_region const region("cria/forward and backward");
    return pass<true>(std::span<std::ranges::range_value_t<Rows> const>(rows));
  }
  /// The same sum, and no gradients.
  template <std::ranges::contiguous_range Rows> double loss(Rows const& rows) {
    require_kokkos("trainer");
    profiling_region const region("cria/loss");
    return pass<false>(std::span<std::ranges::range_value_t<Rows> const>(rows));
  }

  /// A step of AdamW with the gradients since the last one, which are forgotten. Returns their norm; where that is not finite
  /// nothing is changed.
  double update(adamw_settings const& settings) {
    require_kokkos("trainer");
    profiling_region const region("cria/update");
    double const norm = gradients_.norm(exec_);
    if (std::isfinite(norm)) gradients_.update(exec_, settings, norm);
    return norm;
  }

  /// The gradient of one layer of a trained weight, [rows, cols] in the order of the files.
  std::vector<float> gradient(std::string_view name, int layer) const {
    require_kokkos("trainer");
    auto const* const e = gradients_.find(name);
    if (e == nullptr || layer < 0 || layer >= e->stored->layers)
      throw error(name, "no trained weight of this model in layer " + std::to_string(layer));
    return unpacked(exec_, *e->stored, e->gradient.data(), layer);
  }

  /// Gives one layer of a weight other values, [rows, cols] in the order of the files. One that is not trained must be f32.
  void set_weight(std::string_view name, int layer, std::span<float const> values) {
    require_kokkos("trainer");
    auto const* const w = weights_.find(name);
    auto const* const e = gradients_.find(name);
    if (w == nullptr || (e == nullptr && w->type != dtype::f32))
      throw error(name, "no weight of this model, or frozen in another format than f32");
    std::size_t const expected = std::size_t(w->rows) * std::size_t(w->cols);
    if (layer < 0 || layer >= w->layers || values.size() != expected)
      throw error(name, "layer or number of values", std::to_string(expected) + " in a layer below " + std::to_string(w->layers),
                  std::to_string(values.size()) + " in layer " + std::to_string(layer));
    pack_into(exec_, *w, e != nullptr ? e->weight() : reinterpret_cast<float*>(w->packed.data()), layer, values);
    if (e != nullptr) gradients_.round(exec_, *e);
  }

  weight_store<Exec> const& weights() const { return weights_; }
  gradient_store<Exec> const& gradients() const { return gradients_; }
  Exec const& space() const { return exec_; }
  /// Rows that one pass may have, and positions that a sequence may.
  int most_rows() const { return most_; }
  int room() const { return room_; }
  /// Memory of weights, gradients, moments, kept values and workspace.
  std::size_t bytes() const {
    std::size_t n = weights_.bytes() + work_.bytes() + head_work_.bytes();
    for (auto const& e : gradients_.entries()) n += sizeof(float) * (e.gradient.size() * 3 + e.master.size());
    for (auto const* b : {&x_, &kept_, &d_[0], &d_[1], &losses_}) n += b->bytes();
    return n;
  }

 private:
  Exec exec_;
  int most_, room_ = 0, chunk_ = 0;
  weight_store<Exec> weights_;
  gradient_store<Exec> gradients_;
  rotary_tables<Exec> rotary_;
  training_rows<Exec> rows_;
  workspace<Exec> work_, head_work_;
  buffer<float, memory_space> x_, kept_, d_[2], losses_;  // rows of each layer; what layers keep; gradients of rows; losses
  std::vector<float> losses_host_;
  std::unique_ptr<barrier> meeting_;

  void declare_gradients() {
    if constexpr (stages::trains_embedding) gradients_.template declare<embedding_backward>(exec_, weights_);
    if constexpr (stages::trains_block) gradients_.template declare<block_backward>(exec_, weights_);
    if constexpr (stages::head::has_gradients) gradients_.template declare<head_step>(exec_, weights_);
    gradients_.finish();
    for (auto const& e : gradients_.entries())
      if (e.master.size() > 0) {
        std::vector<float> master(e.master.size());
        decode(e.stored->type.only(), host_copy(exec_, e.stored->packed), master);
        copy_in(exec_, e.master.data(), master.data(), master.size());
        exec_.fence();
      }
  }

  void make_buffers() {
    auto const floats = [](char const* label, std::size_t n) { return stream_buffer<float, Exec>(label, n); };
    std::size_t const rows = std::size_t(most_), row = rows * width;
    constexpr std::size_t kept = stages::block::kept_bytes_per_row / sizeof(float);
    x_ = floats("cria/rows of layers", row * (stages::has_backward ? Model::layers + 1 : 2));
    kept_ = floats("cria/kept", rows * kept * (stages::has_backward ? Model::layers : 1));
    for (auto& d : d_) d = floats("cria/gradients of rows", stages::has_backward ? row : 0);
    losses_ = floats("cria/losses", rows);
    losses_host_.resize(rows);
  }

  float* rows_of(int layer) const {
    return x_.data() + std::size_t(stages::has_backward ? layer : layer % 2) * std::size_t(most_) * width;
  }
  float* kept_of(int layer) const {
    return kept_.data() + std::size_t(stages::has_backward ? layer : 0) * std::size_t(most_) *
                              (stages::block::kept_bytes_per_row / sizeof(float));
  }

  /// What every program of this step shares.
  kernel::context step() const {
    kernel::context c;
    work_.bind(c), rows_.bind(c), rotary_.bind(c);
    return c;
  }

  /// Program P in one layer: inputs by their role, a result where it has one, kept values, and gradients of rows and weights.
  template <class P>
  kernel::context stage(kernel::context c, int layer, float const* own, float const* dy, float* kept, float* result,
                        float* dx) const {
    graph const& g = plan_of<P>.g;
    c.layer = layer;
    c.weight = weights_.template pointers<P>();
    float* from = kept;
    for (int i = 0, in = 0; i < g.count; ++i) {
      if (g.nodes[i].kind != op::input) continue;
      short const role = g.nodes[i].part;
      c.in[in++] = role == input_role::own ? own : role == input_role::gradient ? dy : from;
      if (role >= 0) from += std::size_t(g.nodes[i].cols) * std::size_t(most_);
    }
    for (int k = 0; k < g.output_count; ++k) {
      int const leaf = g.leaf_of[k];
      if (accumulates(g, k)) c.out[k] = gradients_.find(g.name(leaf))->gradient.data();
      else if (leaf >= 0) c.out[k] = dx;
      else if (k == 0) c.out[k] = result;
      else c.out[k] = kept, kept += std::size_t(g.nodes[g.outputs[k]].cols) * std::size_t(most_);
    }
    return c;
  }

  /// The head works on a chunk of rows at a time.
  template <class P> kernel::context head_stage(kernel::context c, int first) const {
    std::size_t const at = std::size_t(first) * width;
    head_work_.bind(c);
    c = stage<P>(c, 0, rows_of(Model::layers) + at, rows_.weights() + first, nullptr, losses_.data() + first,
                 d_[0].data() + (stages::has_backward ? at : 0));
    c.rows = std::min(chunk_, rows_.count() - first);
    c.token += first, c.sequence += first, c.position += first, c.target += first;
    return c;
  }

  template <bool Backward, class Row> double pass(std::span<Row const> rows) {
    rows_.set(exec_, rows, {limits.token, room_, vocabulary});
    kernel::context c = step();
    static constexpr step_cost cost = cost_of_step<embedding_forward, block_forward, loss_forward>(Model::layers);
    int const workers = workers_for(cost, c.workers, c.rows, c.reach);
    bool together = false;
    if constexpr (kernel::on_host<Exec>) {
      together = can_form_crew<Exec>(workers);
      if (together)
        with_crew(exec_, "cria/training step", workers, *meeting_, [&](crew_member const& m) {
          run_stages<Backward>(c, [&]<class P>(std::type_identity<P>, kernel::context const& at) { execute<P>(m, at); });
        });
    }
    if (!together) {
      c.workers = workers;
      run_stages<Backward>(c, [&]<class P>(std::type_identity<P>, kernel::context const& at) {
        profiling_region const region(region_of<P>(at.layer));
        execute<P>(exec_, at);
      });
    }
    copy_out(exec_, losses_host_.data(), losses_.data(), std::size_t(rows_.count()));
    exec_.fence();
    double sum = 0;
    for (int i = 0; i < rows_.count(); ++i)
      if (rows_.weight(i) != 0) sum += double(rows_.weight(i)) * double(losses_host_[std::size_t(i)]);
    return sum;
  }

  /// What profilers call a stage.
  template <class P> static fixed_text<160> region_of(int layer) {
    if constexpr (std::is_same_v<P, embedding_forward>) return detail::words("cria/embedding");
    else if constexpr (std::is_same_v<P, embedding_backward>) return detail::words("cria/embedding backward");
    else if constexpr (std::is_same_v<P, block_forward>) return detail::words("cria/layer ", layer);
    else if constexpr (std::is_same_v<P, block_backward>) return detail::words("cria/layer ", layer, " backward");
    else return detail::words("cria/head");
  }

  /// Calls run(program, context) for every stage in order.
  template <bool Backward, class Run> void run_stages(kernel::context const& c, Run const& run) const {
    constexpr bool keeps = Backward && stages::has_backward;
    run(std::type_identity<embedding_forward>{}, stage<embedding_forward>(c, 0, nullptr, nullptr, nullptr, rows_of(0), nullptr));
    for (int layer = 0; layer < Model::layers; ++layer)
      run(std::type_identity<block_forward>{},
          stage<block_forward>(c, layer, rows_of(layer), nullptr, kept_of(keeps ? layer : 0), rows_of(layer + 1),
                               nullptr));
    for (int first = 0; first < rows_.count(); first += chunk_)
      if constexpr (Backward) run(std::type_identity<head_step>{}, head_stage<head_step>(c, first));
      else run(std::type_identity<loss_forward>{}, head_stage<loss_forward>(c, first));
    if constexpr (keeps) {
      int at = 0;
      for (int layer = Model::layers; layer-- > 0; at = 1 - at)
        run(std::type_identity<block_backward>{},
            stage<block_backward>(c, layer, rows_of(layer), d_[at].data(), kept_of(layer), nullptr, d_[1 - at].data()));
      if constexpr (stages::trains_embedding)
        run(std::type_identity<embedding_backward>{},
            stage<embedding_backward>(c, 0, nullptr, d_[at].data(), nullptr, nullptr, nullptr));
    }
  }
};

}  // namespace cria
