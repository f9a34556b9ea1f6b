#pragma once
// A model at work: its stages' programs, their weights, cache and workspace, and the loop over layers.
#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "cria/graph/limits.hpp"
#include "cria/run/cache.hpp"
#include "cria/run/captures.hpp"
#include "cria/run/execute.hpp"
#include "cria/run/kokkos.hpp"
#include "cria/run/memory.hpp"
#include "cria/run/rotary.hpp"
#include "cria/run/weights.hpp"
#include "cria/run/workers.hpp"
#include "cria/run/workspace.hpp"

namespace cria {

/// What a session makes room for.
struct session_options {
  int room = 0;       // positions of the cache; used no further than the model has positions for
  int sequences = 1;  // sequences that have a cache
  int rows = 256;     // most rows of one step
  int positions =
      0;  // of all sequences together, in pages of 64, which a sequence begins whole; 0: as many as they have room for
};

/// Runs `Model`, a list of stages: `Model::embedding` (tokens to rows), `Model::block` (rows to rows, `Model::layers`
/// times with stacked weights) and `Model::head` (rows to logits). Works beside the caller's own use of Kokkos, on the
/// instance it is given, from Kokkos' initialize to its finalize: throws before and after. Nothing is allocated inside a step.
template <class Model, class Policy, class Exec = Kokkos::DefaultExecutionSpace> class session {
 public:
  using embedding = forward_of<typename Model::embedding, Policy>;
  using block = forward_of<typename Model::block, Policy>;
  using head = forward_of<typename Model::head, Policy>;
  using memory_space = typename Exec::memory_space;
  static constexpr int width = plan_of<block>.g.nodes[plan_of<block>.g.outputs[0]].cols;
  static constexpr int vocabulary = plan_of<head>.g.nodes[plan_of<head>.g.outputs[0]].cols;
  static constexpr row_limits limits = limits_of(plan_of<embedding>.g);
  static constexpr step_cost cost = cost_of_step<embedding, block, head>(Model::layers);
  static_assert(!looks_around(plan_of<embedding>.g) && !looks_around(plan_of<head>.g),
                "only the repeated block may rotate or attend");
  using rows_type = expr<typename Model::block::input>;
  static_assert(same_rows<rows_type, result_of<typename Model::embedding>>,
                "the embedding must return the axes that the block takes");
  static_assert(same_rows<rows_type, result_of<typename Model::block>>, "a repeated block must return the axes that it takes");
  static_assert(same_rows<rows_type, expr<typename Model::head::input>>, "the head must take the axes that the block returns");

  /// Loads and packs the weights: `read(name, layer)` gives something with `bytes`, the rows of a weight [out, in] in
  /// its format, and `done(name, layer)` says that they are no longer needed (weight_store::load). Throws cria::error
  /// for the wrong number of bytes, and outside of Kokkos' initialize and finalize.
  template <class Read, class Done>
  session(Exec const& exec, session_options const& options, Read const& read, Done const& done)
      : exec_((require_kokkos("session"), exec)), rows_(options.rows), sequences_(options.sequences) {
    weights_.template declare<embedding>(1);
    weights_.template declare<block>(Model::layers);
    weights_.template declare<head>(1);
    weights_.load(exec_, read, done);
    embedding_weights_ = weights_.template pointers<embedding>();
    block_weights_ = weights_.template pointers<block>();
    head_weights_ = weights_.template pointers<head>();
    cache_.template make<block>(Model::layers, options.sequences, options.room, options.positions);
    rotary_.template make<block>(exec_, cache_.room());
    work_.template make<embedding, block, head>(exec_, rows_, room());
    for (auto& x : x_) x = {"cria/rows", std::size_t(width) * std::size_t(rows_)};
    make_logits(vocabulary);
    captured_embedding_.make(1, rows_), captured_block_.make(Model::layers, rows_), captured_head_.make(1, rows_);
    ids_ = {"cria/rows", 3 * std::size_t(rows_)};
    ids_host_.resize(ids_.size());
    meeting_ = std::make_unique<barrier>(kernel::concurrency_of(exec_));
    exec_.fence();
  }

  /// The rows of the next step: token, sequence and position of each. At most `options.rows`; the earlier positions of a
  /// sequence must have been given before, in this step or another. Throws for a number that is out of range, and when the
  /// cache is used up.
  void set_rows(std::span<int const> token, std::span<int const> sequence, std::span<int const> position) {
    require_kokkos("session");
    check_range("rows", int(token.size()), 1, rows_ + 1);
    check_range("sequences of rows", int(sequence.size()), int(token.size()), int(token.size()) + 1);
    check_range("positions of rows", int(position.size()), int(token.size()), int(token.size()) + 1);
    exec_.fence();  // an earlier step may still read
    int reach = 0;
    for (std::size_t i = 0; i < token.size(); ++i) {
      check_range("token", token[i], 0, limits.token), check_range("sequence", sequence[i], 0, sequences_),
          check_range("position", position[i], 0, room());
      int* const id = ids_host_.data() + i;
      id[0] = token[i], id[rows_] = sequence[i], id[2 * rows_] = position[i];
      reach = std::max(reach, 1 + position[i]);
    }
    cache_.prepare(exec_, sequence, position);
    step_ = {};
    step_.rows = int(token.size());
    copy_in(exec_, ids_.data(), ids_host_.data(), ids_host_.size());
    step_.reach = reach;
    step_.token = ids_.data(), step_.sequence = step_.token + rows_, step_.position = step_.sequence + rows_;
    work_.bind(step_);
    step_.workers = workers_for(cost, step_.workers, step_.rows, step_.reach);
    cache_.bind(step_);
    rotary_.bind(step_);
    now_ = embedding_rows();
  }

  /// Sequence `to` begins with the first `positions` positions of `from`, whose memory they share until one of them writes
  /// there. Throws where `from` has no page for some of them.
  void share(int from, int to, int positions) {
    require_kokkos("session");
    check_range("sequence", from, 0, sequences_), check_range("sequence", to, 0, sequences_),
        check_range("positions", positions, 0, room() + 1);
    exec_.fence();
    cache_.pages().share(from, to, positions);
  }
  /// Forgets a sequence; its memory serves others.
  void release(int sequence) { share(sequence, sequence, 0); }
  /// Which pages of the cache hold which positions.
  page_table const& pages() const { return cache_.pages(); }

  /// The first stage: the rows' embeddings, [rows, width].
  void run_embedding();

  /// One layer; keys and values of the rows go to the cache. Layers come in their order.
  void run_block(int layer);

  /// The logits of `count` rows from `first` on: [count, vocabulary], on the host, valid until the next call. Allocates
  /// where no call before asked for as many.
  std::span<float const> run_head(int first, int count);

  /// The logits of any rows, [rows, width] in the memory of the execution space: no more than `options.rows`. Valid as
  /// those above.
  std::span<float const> run_head(std::span<float const> rows);

  /// The whole step: all stages, and the logits of `count` rows from `first` on, as `run_head`; of none where count is 0. On
  /// hosts this is one parallel region.
  std::span<float const> run(int first, int count);

  /// The rows as the last stage left them: [rows, width] in the memory of the execution space.
  std::span<float const> rows() const { return {now_, std::size_t(step_.rows) * width}; }

  /// What a stage captured as Tag in this step, in one layer of the block: [rows, cols] in the memory of the execution
  /// space, valid until the next step. Of the head the rows that logits were asked for. Work on other instances must wait:
  /// `space().fence()`.
  template <class Tag> std::span<float const> captured(int layer = 0) const {
    constexpr int in_embedding = embedding_captures::template index<Tag>();
    constexpr int in_block = block_captures::template index<Tag>(), in_head = head_captures::template index<Tag>();
    static_assert((in_embedding >= 0) + (in_block >= 0) + (in_head >= 0) == 1, "captured<Tag>: one stage must capture this name");
    check_range("layer", layer, 0, in_block >= 0 ? Model::layers : 1);
    auto const found = [&](auto const& c, int i, int rows) {
      return std::span<float const>(c.at(i, layer), std::size_t(rows) * std::size_t(c.cols(i)));
    };
    if constexpr (in_embedding >= 0) return found(captured_embedding_, in_embedding, step_.rows);
    else if constexpr (in_block >= 0) return found(captured_block_, in_block, step_.rows);
    else return found(captured_head_, in_head, head_rows_);
  }

  /// Where the rows, the cache and the tables of this step are, for other programs over the same rows.
  kernel::context const& step() const { return step_; }

  /// Rows that a step may have.
  int most_rows() const { return rows_; }
  /// Positions that a sequence may have.
  int room() const { return std::min(cache_.room(), limits.position); }
  weight_store<Exec> const& weights() const { return weights_; }
  Exec const& space() const { return exec_; }

 private:
  using embedding_captures = captures<embedding, Exec>;
  using block_captures = captures<block, Exec>;
  using head_captures = captures<head, Exec>;
  static_assert(head_captures::result() < 0, "a head's logits are what `run` returns");
  Exec exec_;
  int rows_;
  int sequences_;
  weight_store<Exec> weights_;
  kernel::weight_pointers embedding_weights_, block_weights_, head_weights_;
  kv_cache<Exec> cache_;
  rotary_tables<Exec> rotary_;
  workspace<Exec> work_;
  buffer<float, memory_space> x_[2], logits_;
  embedding_captures captured_embedding_;
  block_captures captured_block_;
  head_captures captured_head_;
  int head_rows_ = 0;
  std::vector<float> logits_host_;  // of a device
  buffer<int, memory_space> ids_;  // [token, sequence, position][rows]
  std::vector<int> ids_host_;
  kernel::context step_;
  std::unique_ptr<barrier> meeting_;
  float* now_ = nullptr;  // the rows as the last stage left them

  void make_logits(std::size_t n) {
    logits_ = {"cria/logits", n};
    if constexpr (!kernel::on_host<Exec>) logits_host_.resize(n);
  }

  kernel::context stage(kernel::weight_pointers const& weights, int layer, float const* in, float* out) const {
    kernel::context c = step_;
    c.layer = layer, c.in[0] = in, c.out[0] = out;
    c.weight = weights;
    return c;
  }

  /// Where the embedding leaves its rows: where its result is captured, there.
  float* embedding_rows() const {
    if constexpr (constexpr int i = embedding_captures::result(); i >= 0) return captured_embedding_.at(i, 0);
    else return x_[0].data();
  }
  kernel::context embedding_stage() const {
    kernel::context c = stage(embedding_weights_, 0, nullptr, embedding_rows());
    captured_embedding_.bind(c, 0);
    return c;
  }
  /// A context that has its input for one layer: the result goes where it is captured, or to the one of two buffers that
  /// isn't read.
  kernel::context block_stage(kernel::context c, int layer) const {
    c.layer = layer;
    c.out[0] = x_[c.in[0] == x_[0].data() ? 1 : 0].data();
    captured_block_.bind(c, layer);
    return c;
  }

  std::span<float const> run_head(kernel::context const& step, int count);
  std::span<float const> run_by_crew(int first, int count) requires kernel::on_host<Exec>;

  void check_head(int first, int count) {
    check_range("first row of the head", first, 0, step_.rows);
    check_range("rows of the head", count, 1, step_.rows - first + 1);
    make_room_for_logits(count);
  }
  void make_room_for_logits(int count) {
    if (logits_.size() < std::size_t(count) * vocabulary) make_logits(std::size_t(count) * vocabulary);
  }
  kernel::context head_stage(int first, int count, float const* rows) {
    head_rows_ = count;
    kernel::context c = stage(head_weights_, 0, rows + std::size_t(first) * width, logits_.data());
    c.rows = count, c.token += first, c.sequence += first, c.position += first;
    captured_head_.bind(c, 0);
    return c;
  }
  std::span<float const> read_logits(int count) {
    std::size_t const n = std::size_t(count) * vocabulary;
    if constexpr (!kernel::on_host<Exec>) copy_out(exec_, logits_host_.data(), logits_.data(), n);
    exec_.fence();
    return {kernel::on_host<Exec> ? logits_.data() : logits_host_.data(), n};
  }
};

// What follows holds all kernels. It stands outside of the class because `extern template` takes nothing out of a unit
// that is inline.

template <class Model, class Policy, class Exec>
void session<Model, Policy, Exec>::run_embedding() {
  require_kokkos("session");
  profiling_region const region("cria/embedding");
  now_ = embedding_rows();
  execute<embedding>(exec_, embedding_stage());
}

template <class Model, class Policy, class Exec>
void session<Model, Policy, Exec>::run_block(int layer) {
  require_kokkos("session");
  profiling_region const region(detail::words("cria/layer ", layer));
  kernel::context const c = block_stage(stage(block_weights_, layer, now_, nullptr), layer);
  execute<block>(exec_, c);
  now_ = c.out[0];
}

template <class Model, class Policy, class Exec>
std::span<float const> session<Model, Policy, Exec>::run_head(int first, int count) {
  require_kokkos("session");
  check_head(first, count);
  return run_head(head_stage(first, count, now_), count);
}

template <class Model, class Policy, class Exec>
std::span<float const> session<Model, Policy, Exec>::run_head(std::span<float const> rows) {
  require_kokkos("session");
  int const count = int(rows.size() / width);
  check_range("rows of the head", count, 1, rows_ + 1);
  check_range("values beside whole rows", int(rows.size() % width), 0, 1);
  make_room_for_logits(count);
  return run_head(head_stage(0, count, rows.data()), count);
}

template <class Model, class Policy, class Exec>
std::span<float const> session<Model, Policy, Exec>::run_head(kernel::context const& step, int count) {
  profiling_region const region("cria/head");
  execute<head>(exec_, step);
  return read_logits(count);
}

template <class Model, class Policy, class Exec>
std::span<float const> session<Model, Policy, Exec>::run(int first, int count) {
  require_kokkos("session");
  profiling_region const region(step_.rows == 1 ? "cria/decode" : "cria/prefill");
  head_rows_ = 0;
  if (count != 0) check_head(first, count);
  if constexpr (kernel::on_host<Exec>)
    if (can_form_crew<Exec>(step_.workers)) return run_by_crew(first, count);
  run_embedding();
  for (int layer = 0; layer < Model::layers; ++layer) run_block(layer);
  return count > 0 ? run_head(first, count) : std::span<float const>();
}

template <class Model, class Policy, class Exec>
std::span<float const> session<Model, Policy, Exec>::run_by_crew(int first, int count) requires kernel::on_host<Exec> {
  kernel::context const embedding_step = embedding_stage(), first_layer = stage(block_weights_, 0, embedding_rows(), nullptr);
  now_ = embedding_rows();
  for (int layer = 0; layer < Model::layers; ++layer) now_ = block_stage(stage(block_weights_, 0, now_, nullptr), layer).out[0];
  kernel::context head_step;
  if (count > 0) head_step = head_stage(first, count, now_);
  with_crew(exec_, "cria/step", step_.workers, *meeting_, [&](crew_member const& m) {
    execute<embedding>(m, embedding_step);
    kernel::context c = first_layer;
    for (int layer = 0; layer < Model::layers; ++layer, c.in[0] = c.out[0]) {
      c = block_stage(c, layer);
      execute<block>(m, c);
    }
    if (count > 0) execute<head>(m, head_step);
  });
  return count > 0 ? read_logits(count) : std::span<float const>();
}

}  // namespace cria
