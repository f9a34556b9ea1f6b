#pragma once
// The weights of a model's programs: declared by name, loaded and packed once, shared by every stage that names them.
#include <Kokkos_Core.hpp>
#include <span>
#include <string>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/graph/program.hpp"
#include "cria/kernel/context.hpp"
#include "cria/kernel/contraction/pack.hpp"
#include "cria/kernel/team.hpp"
#include "cria/run/copy.hpp"
#include "cria/run/host_loop.hpp"
#include "cria/run/kokkos.hpp"
#include "cria/run/memory.hpp"

namespace cria {

/// One weight of all layers: [layers][packed (rows, cols)]; where formats differ, in front of them the place of each.
template <class Memory> struct weight_entry {
  std::string_view name;
  int rows, cols, layers;
  layer_formats type;
  buffer<std::byte, Memory> packed;

  std::size_t layer_bytes(dtype format) const { return kernel::packed_bytes(format, rows, cols); }
  std::size_t bytes() const {
    if (!type.mixed()) return layer_bytes(type.only()) * std::size_t(layers);
    std::size_t n = kernel::places_bytes(layers);
    for (std::size_t i = 0; i < std::size_t(type.count); ++i) n += layer_bytes(type.type[i]) * std::size_t(type.layers[i]);
    return n;
  }
};

/// The packed weights of some programs, by name.
template <class Exec> class weight_store {
 public:
  using memory = typename Exec::memory_space;

  /// Adds the weights of program P, each with `layers` instances. A weight that is there already is shared. Throws where two
  /// programs give one name different shapes.
  template <class P> void declare(int layers) {
    for (int i = 0; i < plan_of<P>.g.count; ++i) {
      node const& n = plan_of<P>.g.nodes[i];
      if (n.kind != op::weight) continue;
      weight_entry<memory> entry{plan_of<P>.g.name(i), n.rows, n.cols, layers, n.type, {}};
      if (int const named = layers_of(n.type); n.type.mixed() && named != layers)
        throw error(std::string(entry.name), "layers of a mixed format", std::to_string(layers), std::to_string(named));
      auto const* const known = find(entry.name);
      if (!known) entries_.push_back(std::move(entry));
      else if (known->rows != n.rows || known->cols != n.cols || known->type != n.type || known->layers != layers)
        throw error(std::string(entry.name), "one name for two weights", text_of(*known), text_of(entry));
    }
  }

  /// Loads and packs everything. `read(name, layer)` returns an object whose `bytes` are [rows, cols] in the entry's
  /// format and file order, and whose `format` says which one where formats are mixed; `done(name, layer)` says that
  /// they are not needed any more.
  template <class Read, class Done> void load(Exec const& exec, Read const& read, Done const& done) {
    for (weight_entry<memory>& e : entries_) {
      profiling_region const region(detail::words("cria/load ", e.name));
      e.packed = stream_buffer<std::byte, Exec>("cria/" + std::string(e.name), e.bytes());
      std::vector<kernel::layer_place> places;
      std::size_t at = e.type.mixed() ? kernel::places_bytes(e.layers) : 0;
      for (int layer = 0; layer < e.layers; ++layer) {
        auto const source = read(e.name, layer);
        dtype const format = format_of(e, source);
        std::size_t const expected = bytes_of(format, std::size_t(e.rows) * std::size_t(e.cols));
        if (source.bytes.size() != expected)
          throw error(std::string(e.name), "wrong size of a weight", std::to_string(expected) + " bytes",
                      std::to_string(source.bytes.size()));
        if (e.layer_bytes(format) > e.packed.size() - at)
          throw error(std::string(e.name), "too many layers in one of its formats", text_of(e.type), facts(format).name);
        pack(exec, e, format, at, source.bytes.data());
        places.push_back({at, e.type.index_of(format)});
        at += e.layer_bytes(format);
        done(e.name, layer);
      }
      if (e.type.mixed()) {
        copy_in(exec, e.packed.data(), reinterpret_cast<std::byte const*>(places.data()),
                places.size() * sizeof(kernel::layer_place));
        exec.fence();
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
    return std::to_string(e.layers) + " x [" + std::to_string(e.rows) + ", " + std::to_string(e.cols) + "] " + text_of(e.type);
  }
  static std::string text_of(layer_formats const& f) { return cria::text_of(f); }
  static int layers_of(layer_formats const& f) {
    int n = 0;
    for (auto const layers : f.layers) n += layers;
    return n;
  }

  /// The format in which a layer was read.
  template <class Source> static dtype format_of(weight_entry<memory> const& e, Source const& source) {
    if constexpr (requires { source.format; }) {
      if (e.type.index_of(source.format) >= 0) return source.format;
      throw error(std::string(e.name), "format of a layer", text_of(e.type), facts(source.format).name);
    } else {
      if (e.type.mixed())
        throw error(std::string(e.name), "which of its formats a layer has is not said", text_of(e.type),
                    "bytes alone");
      return e.type.only();
    }
  }

  /// Packs one layer, a tile for each index, on the host; a device gets a copy.
  static void pack(Exec const& exec, weight_entry<memory>& e, dtype format, std::size_t at, std::byte const* file) {
    constexpr bool on_host = kernel::on_host<Exec>;
    std::byte* const to = e.packed.data() + at;
    std::vector<std::byte> staged(on_host ? 0 : e.layer_bytes(format));
    std::byte* const out = on_host ? to : staged.data();
    if (e.rows == 1) {
      std::memcpy(out, file, e.layer_bytes(format));
    } else {
      int const tiles = (e.rows + kernel::tile_rows - 1) / kernel::tile_rows;
      std::conditional_t<on_host, Exec, Kokkos::DefaultHostExecutionSpace> host{};
      if constexpr (on_host) host = exec;
      host_loop(host, "cria/pack", tiles, [&](int tile) { kernel::pack_tile(format, file, out, e.rows, e.cols, tile); });
    }
    if constexpr (!on_host) {
      copy_in(exec, to, staged.data(), staged.size());
      exec.fence();
    }
  }
};

}  // namespace cria
