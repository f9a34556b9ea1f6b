#pragma once
// The gradients of a model's weights: its stages differentiated, last stage first. A repeated block is one program that
// runs for each layer in reverse and recomputes the layer's forward from the layer's input, the only thing that is kept
// of it.
#include <string>
#include <vector>

#include "cria/run/session.hpp"

namespace cria {

/// The gradient of one weight: [layers][rows, cols] f32, in the order of the files.
template <class Memory> struct gradient_entry {
  std::string_view name;
  int rows, cols, layers;
  Kokkos::View<float*, Memory> values, addend{};  // addend: where two stages share a weight
  bool written = false;                           // by a later stage in this pass; an earlier one adds to it
};

namespace detail {

constexpr bool has_readers(graph const& g, int i) {
  for (int u = i + 1; u < g.count; ++u)
    for (short j : g.nodes[u].in)
      if (j == i) return true;
  return false;
}

/// to += from
struct add_functor {
  float* to;
  float const* from;
  KOKKOS_INLINE_FUNCTION void operator()(int i) const { to[i] += from[i]; }
};

}  // namespace detail

/// Works on the rows that a session has been given; rows of a sequence must follow each other, from position 0 on.
template <class Model, class Policy, class Exec = Kokkos::DefaultExecutionSpace> class backward {
 public:
  using session_type = session<Model, Policy, Exec>;
  using embedding = gradient_of<typename Model::embedding, Policy>;
  using block = gradient_of<typename Model::block, Policy>;
  using head = gradient_of<typename Model::head, Policy>;
  using memory = typename Exec::memory_space;

  /// The session must outlive this.
  explicit backward(session_type& s) : session_(s) {
    auto const rows = std::size_t(s.most_rows());
    declare<head>(1), declare<block>(Model::layers), declare<embedding>(1);
    kept_ = floats("cria/kept rows", (Model::layers + 1) * rows * width);
    for (auto& d : d_) d = floats("cria/gradients of rows", rows * width);
    value_ = floats("cria/value", rows * std::size_t(std::max(width, session_type::vocabulary)));
    work_.template make<embedding, block, head>(s.space(), s.most_rows(), s.most_rows());
    dlogits_ = floats("cria/gradients of logits", rows * session_type::vocabulary);
    s.space().fence();
  }

  /// All stages over the session's rows, whole sequences one after the other; keeps the input of each layer. Returns
  /// [rows, vocabulary] on the host.
  std::span<float const> forward() {
    session_.check_whole_sequences();
    session_.run_embedding();
    for (int layer = 0; layer < Model::layers; ++layer) keep(layer), session_.run_block(layer);
    keep(Model::layers);
    return session_.run_head(0, session_.step().rows);
  }

  /// The gradients of all weights, given that of the logits, [rows, vocabulary] on the host. After `forward`.
  void run(std::span<float const> dlogits) {
    Kokkos::Profiling::ScopedRegion const region("cria/backward");
    std::size_t const expected = std::size_t(session_.step().rows) * session_type::vocabulary;
    if (dlogits.size() != expected)
      throw error("backward", "gradients of logits", std::to_string(expected), std::to_string(dlogits.size()));
    for (auto& e : entries_) e.written = false;
    Kokkos::View<float const*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged> const host(dlogits.data(), expected);
    Kokkos::deep_copy(session_.space(), Kokkos::subview(dlogits_, std::pair(std::size_t(0), expected)), host);
    run_stage<head>(0, input(Model::layers), dlogits_.data(), d_[0].data());
    for (int layer = Model::layers; layer-- > 0;) {
      run_stage<block>(layer, input(layer), d_[0].data(), d_[1].data());
      std::swap(d_[0], d_[1]);
    }
    run_stage<embedding>(0, nullptr, d_[0].data(), nullptr);
    session_.space().fence();
  }

  /// The gradient of a weight: [rows, cols] in the memory of the execution space, valid as long as this.
  std::span<float const> gradient(std::string_view name, int layer) const {
    for (auto const& e : entries_)
      if (e.name == name && layer >= 0 && layer < e.layers)
        return {e.values.data() + size(e) * std::size_t(layer), size(e)};
    throw error(name, "no weight of this model in layer " + std::to_string(layer));
  }

  std::span<gradient_entry<memory> const> entries() const { return entries_; }

 private:
  using buffer = Kokkos::View<float*, memory>;
  static constexpr int width = session_type::width;
  session_type& session_;
  std::vector<gradient_entry<memory>> entries_;
  buffer kept_, d_[2], value_, dlogits_;
  workspace<Exec> work_;

  static std::size_t size(gradient_entry<memory> const& e) { return std::size_t(e.rows) * std::size_t(e.cols); }
  float* input(int layer) const {
    return kept_.data() + std::size_t(layer) * std::size_t(session_.most_rows()) * width;
  }
  buffer floats(std::string const& label, std::size_t n) {
    return buffer(Kokkos::view_alloc(session_.space(), Kokkos::WithoutInitializing, label), n);
  }

  gradient_entry<memory>* find(std::string_view name) {
    for (auto& e : entries_)
      if (e.name == name) return &e;
    return nullptr;
  }

  template <class P> void declare(int layers) {
    graph const& g = plan_of<P>.g;
    for (int i = 0; i < g.count; ++i) {
      if (g.nodes[i].kind != op::weight) continue;
      std::size_t const n = std::size_t(g.nodes[i].rows) * std::size_t(g.nodes[i].cols) * std::size_t(layers);
      auto values = floats("d" + std::string(g.name(i)), n);
      if (auto* const e = find(g.name(i))) e->addend = values;
      else entries_.push_back({g.name(i), g.nodes[i].rows, g.nodes[i].cols, layers, values});
    }
  }

  void keep(int layer) {
    std::size_t const n = std::size_t(session_.step().rows) * width;
    Kokkos::View<float const*, memory, Kokkos::MemoryUnmanaged> const from(session_.rows().data(), n);
    Kokkos::deep_copy(session_.space(), Kokkos::View<float*, memory, Kokkos::MemoryUnmanaged>(input(layer), n), from);
  }

  /// One differentiated stage: from its input and the gradient of its output to that of its input, dx, and of its
  /// weights.
  template <class P> void run_stage(int layer, float* x, float* dy, float* dx) {
    graph const& g = plan_of<P>.g;
    kernel::context c = session_.step();
    c.layer = layer;
    work_.bind(c);
    c.weight = session_.weights().template pointers<P>();
    int in = 0, out = 0;
    if (x != nullptr) c.in[in++] = x;
    c.in[in] = dy;
    c.out[out++] = value_.data();
    for (int i = 0; i < g.count; ++i) {  // outputs as `differentiate` orders them; the last input is dy
      if (g.nodes[i].kind == op::input && g.index_in_kind(i) < in) c.out[out++] = dx;
      if (!is_trained(g, i)) continue;
      auto const& e = *find(g.name(i));
      c.out[out++] = (e.written ? e.addend : e.values).data();
    }
    execute<P>(session_.space(), c);
    for (int i = 0; i < g.count; ++i)
      if (is_trained(g, i)) finish(*find(g.name(i)), layer);
  }

  static bool is_trained(graph const& g, int i) { return g.nodes[i].kind == op::weight && detail::has_readers(g, i); }

  /// Adds what a second stage found to the first one's gradient; layers come last one first.
  void finish(gradient_entry<memory>& e, int layer) {
    std::size_t const first = size(e) * std::size_t(layer);
    if (e.written)
      Kokkos::parallel_for("cria/add", Kokkos::RangePolicy<Exec>(session_.space(), 0, int(size(e))),
                           detail::add_functor{e.values.data() + first, e.addend.data() + first});
    if (layer == 0) e.written = true;
  }
};

}  // namespace cria
