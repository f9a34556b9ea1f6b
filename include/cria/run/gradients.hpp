#pragma once
// The gradients of a model's trained weights and what the optimizer keeps of them, each laid out as the weight is in memory.
#include <Kokkos_Core.hpp>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "cria/kernel/contraction/block.hpp"
#include "cria/kernel/optimizer/adamw.hpp"
#include "cria/run/host_loop.hpp"
#include "cria/run/weights.hpp"

namespace cria {

/// How one step of AdamW goes; `step` counts from 1. The gradient is scaled down to the norm `clip` where its own is larger.
struct adamw_settings {
  double rate, beta1, beta2, epsilon, decay, clip;
  long step;
};

/// One trained weight of all layers, f32. Values that fill a matrix up to whole tiles are 0 and stay so.
template <class Memory> struct trained_weight {
  weight_entry<Memory> const* stored;
  buffer<float, Memory> gradient, first, second;
  buffer<float, Memory> master;  // the weight in f32 where it is stored in 16 bits

  float* weight() const { return master.size() > 0 ? master.data() : reinterpret_cast<float*>(stored->packed.data()); }
  std::size_t layer_values() const { return kernel::packed_bytes(dtype::f32, stored->rows, stored->cols) / sizeof(float); }
  std::size_t values() const { return layer_values() * std::size_t(stored->layers); }
};

/// Gradients and moments of the trained weights, packed as these are.
template <class Exec> class gradient_store {
 public:
  using memory = typename Exec::memory_space;
  using entry = trained_weight<memory>;

  /// Declares the weights whose gradients are outputs of program P.
  template <class P> void declare(Exec const& exec, weight_store<Exec> const& weights) {
    graph const& g = plan_of<P>.g;
    for (int k = 0; k < g.output_count; ++k) {
      if (!accumulates(g, k) || find(g.name(g.leaf_of[k])) != nullptr) continue;
      entry e{weights.find(g.name(g.leaf_of[k])), {}, {}, {}, {}};
      std::string const name(e.stored->name);
      for (auto [to, label] :
           {std::pair(&e.gradient, "cria/gradient of "), std::pair(&e.first, "cria/first moment of "),
            std::pair(&e.second, "cria/second moment of ")}) {
        *to = {label + name, e.values()};
        zero_bytes(exec, to->data(), to->bytes());
      }
      if (e.stored->rows > 1 && e.stored->type != dtype::f32)
        e.master = {"cria/master of " + name, e.values()};
      entries_.push_back(std::move(e));
    }
  }

  void finish() {
    int blocks = 0;
    for (entry const& e : entries_) blocks += kernel::optimizer_blocks(e.values());
    sums_ = {"cria/sums of squares", std::size_t(blocks)}, sums_host_.resize(sums_.size());
  }

  /// The norm of all gradients together.
  double norm(Exec const& exec) {
    int begin = 0;
    for (entry const& e : entries_) {
      kernel::square_sums const f{e.gradient.data(), e.values(), sums_.data() + begin};
      loop(exec, "cria/norm", kernel::optimizer_blocks(e.values()), f);
      begin += kernel::optimizer_blocks(e.values());
    }
    copy_out(exec, sums_host_.data(), sums_.data(), sums_.size());
    exec.fence();
    return std::sqrt(std::accumulate(sums_host_.begin(), sums_host_.end(), 0.0));
  }

  /// One step, given the gradients' norm, and the gradients are 0. Matrices decay, vectors don't.
  void update(Exec const& exec, adamw_settings const& s, double norm) {
    double const scale = s.clip > 0 && norm + 1e-6 > s.clip ? s.clip / (norm + 1e-6) : 1;
    double const first = 1 - std::pow(s.beta1, double(s.step)), second = 1 - std::pow(s.beta2, double(s.step));
    for (entry const& e : entries_) {
      double const keep = e.stored->rows > 1 ? 1 - s.rate * s.decay : 1;
      bool const rounds = e.master.size() > 0;
      kernel::adamw_step const f{e.weight(),
                                 e.gradient.data(),
                                 e.first.data(),
                                 e.second.data(),
                                 rounds ? reinterpret_cast<std::uint16_t*>(e.stored->packed.data()) : nullptr,
                                 e.stored->type.only(),
                                 e.values(),
                                 float(scale),
                                 float(s.beta1),
                                 float(s.beta2),
                                 float(keep),
                                 float(s.rate / first),
                                 float(1 / std::sqrt(second)),
                                 float(s.epsilon)};
      loop(exec, "cria/adamw", kernel::optimizer_blocks(e.values()), f);
    }
    exec.fence();
  }

  /// Weights in 16 bits follow their master.
  void round(Exec const& exec, entry const& e) const {
    if (e.master.size() == 0) return;
    kernel::round_weights const f{e.master.data(), reinterpret_cast<std::uint16_t*>(e.stored->packed.data()),
                                  e.stored->type.only(), e.values()};
    loop(exec, "cria/round", kernel::optimizer_blocks(e.values()), f);
    exec.fence();
  }

  entry const* find(std::string_view name) const {
    for (entry const& e : entries_)
      if (e.stored->name == name) return &e;
    return nullptr;
  }
  std::span<entry const> entries() const { return entries_; }

 private:
  std::vector<entry> entries_;
  buffer<double, memory> sums_;
  std::vector<double> sums_host_;
};

/// One layer of values that lie as a weight does, in the order of the files: [rows, cols].
template <class Exec, class Memory>
std::vector<float> unpacked(Exec const& exec, weight_entry<Memory> const& w, float const* layers, int layer) {
  std::size_t const n = kernel::packed_bytes(dtype::f32, w.rows, w.cols) / sizeof(float);
  std::vector<float> packed(n), out(std::size_t(w.rows) * std::size_t(w.cols));
  copy_out(exec, packed.data(), layers + n * std::size_t(layer), n);
  exec.fence();
  if (w.rows == 1) return packed;
  for (int r = 0; r < w.rows; ++r)
    for (int c = 0; c < w.cols; ++c)
      out[std::size_t(r) * std::size_t(w.cols) + std::size_t(c)] =
          kernel::element<dtype::f32>(reinterpret_cast<std::byte const*>(packed.data()), r, c, w.cols);
  return out;
}

/// The other way round.
template <class Exec, class Memory>
void pack_into(Exec const& exec, weight_entry<Memory> const& w, float* layers, int layer, std::span<float const> values) {
  std::size_t const n = kernel::packed_bytes(dtype::f32, w.rows, w.cols) / sizeof(float);
  std::vector<float> packed(values.begin(), values.end());
  if (w.rows > 1) {
    packed.assign(n, 0.0f);
    for (int tile = 0; tile < (w.rows + kernel::tile_rows - 1) / kernel::tile_rows; ++tile)
      kernel::pack_tile<dtype::f32>(reinterpret_cast<std::byte const*>(values.data()),
                                    reinterpret_cast<std::byte*>(packed.data()), w.rows, w.cols, tile);
  }
  copy_in(exec, layers + n * std::size_t(layer), packed.data(), n);
  exec.fence();
}

}  // namespace cria
