#pragma once
// The weights of a model's programs: declared by name, loaded and packed once, shared by every stage that names them.
#include <Kokkos_Core.hpp>
#include <Kokkos_Profiling_ScopedRegion.hpp>
#include <span>
#include <string>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/graph/program.hpp"
#include "cria/kernel/context.hpp"
#include "cria/kernel/contraction/pack.hpp"
#include "cria/kernel/team.hpp"
#include "cria/run/copy.hpp"
#include "cria/run/large_pages.hpp"

namespace cria {

/// One weight of all layers: [layers][packed (rows, cols)].
template <class Memory> struct weight_entry {
  std::string_view name;
  int rows, cols, layers;
  dtype type;
  Kokkos::View<std::byte*, Memory> packed;
  std::size_t layer_bytes() const { return kernel::packed_bytes(type, rows, cols); }
};

template <class Exec> class weight_store {
 public:
  using memory = typename Exec::memory_space;

  /// Adds the weights of program P, each with `layers` instances. A weight that is there already is shared. Throws where two
  /// programs give one name different shapes.
  template <class P> void declare(int layers) {
    for (int i = 0; i < plan_of<P>.g.count; ++i) {
      node const& n = plan_of<P>.g.nodes[i];
      if (n.kind != op::weight) continue;
      weight_entry<memory> const entry{plan_of<P>.g.name(i), n.rows, n.cols, layers, n.type, {}};
      auto const* const known = find(entry.name);
      if (!known) entries_.push_back(entry);
      else if (known->rows != n.rows || known->cols != n.cols || known->type != n.type || known->layers != layers)
        throw error(std::string(entry.name), "one name for two weights", text_of(*known), text_of(entry));
    }
  }

  /// Loads and packs everything. `read(name, layer)` returns an object whose `bytes` are [rows, cols] in the entry's
  /// format and file order; `done(name, layer)` says that they are not needed any more.
  template <class Read, class Done> void load(Exec const& exec, Read const& read, Done const& done) {
    for (weight_entry<memory>& e : entries_) {
      Kokkos::Profiling::ScopedRegion const region("cria/load " + std::string(e.name));
      e.packed = decltype(e.packed)(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "cria/" + std::string(e.name)), e.layer_bytes() * std::size_t(e.layers));
      exec.fence();
      if constexpr (kernel::on_host<Exec>) prefer_large_pages(e.packed.data(), e.packed.size());
      for (int layer = 0; layer < e.layers; ++layer) {
        auto const source = read(e.name, layer);
        std::size_t const expected = bytes_of(e.type, std::size_t(e.rows) * std::size_t(e.cols));
        if (source.bytes.size() != expected)
          throw error(std::string(e.name), "wrong size of a weight", std::to_string(expected) + " bytes", std::to_string(source.bytes.size()));
        pack(exec, e, layer, source.bytes.data());
        done(e.name, layer);
      }
    }
  }

  /// Where the weights of program P are, in the order of its nodes.
  template <class P> kernel::weight_pointers pointers() const {
    kernel::weight_pointers r;
    int k = 0;
    for (int i = 0; i < plan_of<P>.g.count; ++i)
      if (plan_of<P>.g.nodes[i].kind == op::weight) r.at[k++] = find(plan_of<P>.g.name(i))->packed.data();
    return r;
  }

  std::size_t bytes() const {
    std::size_t n = 0;
    for (auto const& e : entries_) n += e.packed.size();
    return n;
  }
  std::span<weight_entry<memory> const> entries() const { return entries_; }
  weight_entry<memory> const* find(std::string_view name) const {
    for (auto const& e : entries_)
      if (e.name == name) return &e;
    return nullptr;
  }

 private:
  std::vector<weight_entry<memory>> entries_;

  static std::string text_of(weight_entry<memory> const& e) {
    return std::to_string(e.layers) + " x [" + std::to_string(e.rows) + ", " + std::to_string(e.cols) + "] " + std::string(facts(e.type).name);
  }

  /// Packs one layer, a tile for each index, on the host; a device gets a copy.
  static void pack(Exec const& exec, weight_entry<memory>& e, int layer, std::byte const* file) {
    constexpr bool on_host = kernel::on_host<Exec>;
    std::byte* const to = e.packed.data() + e.layer_bytes() * std::size_t(layer);
    std::vector<std::byte> staged(on_host ? 0 : e.layer_bytes());
    std::byte* const out = on_host ? to : staged.data();
    if (e.rows == 1) {
      std::memcpy(out, file, e.layer_bytes());
    } else {
      int const tiles = (e.rows + kernel::tile_rows - 1) / kernel::tile_rows;
      pack_functor const pack{e.type, file, out, e.rows, e.cols};
      std::conditional_t<on_host, Exec, Kokkos::DefaultHostExecutionSpace> host{};
      if constexpr (on_host) host = exec;
      Kokkos::parallel_for("cria/pack", Kokkos::RangePolicy<decltype(host)>(host, 0, tiles), pack);
      host.fence("cria/pack");
    }
    if constexpr (!on_host) {
      copy_in(exec, to, staged.data(), staged.size());
      exec.fence();
    }
  }

  struct pack_functor {
    dtype type;
    std::byte const* file;
    std::byte* out;
    int rows, cols;
    void operator()(int tile) const { kernel::pack_tile(type, file, out, rows, cols, tile); }
  };
};

}  // namespace cria
