#pragma once
// The number formats of weights, as an enum (what a file says) and as types (what a kernel is compiled for).
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cria {

/// A format in memory. Those with an underscore are GGUF's, byte for byte: blocks of 32 values, or of 256 that have scales of
/// their own for every 32 (q4_k, q5_k) or 16 (q6_k). q8_f32 is llama2.c's int8 with its f32 scale repeated for each block of 32.
enum class dtype : std::uint8_t { f32, f16, bf16, q8_0, q4_0, q4_1, q8_f32, q5_0, q5_1, q4_k, q5_k, q6_k };

/// block: values that are stored together (1: each alone); bytes: of one block in a file.
struct dtype_facts {
  std::string_view name;
  int block, bytes;
  constexpr bool quantised() const { return block > 1; }
};

inline constexpr std::array<dtype_facts, 12> dtype_table{{{"f32", 1, 4},
                                                          {"f16", 1, 2},
                                                          {"bf16", 1, 2},
                                                          {"q8_0", 32, 34},
                                                          {"q4_0", 32, 18},
                                                          {"q4_1", 32, 20},
                                                          {"q8_f32", 32, 36},
                                                          {"q5_0", 32, 22},
                                                          {"q5_1", 32, 24},
                                                          {"q4_k", 256, 144},
                                                          {"q5_k", 256, 176},
                                                          {"q6_k", 256, 210}}};

constexpr dtype_facts const& facts(dtype t) { return dtype_table[std::size_t(t)]; }

/// Bytes of `count` values, a whole number of blocks.
constexpr std::size_t bytes_of(dtype t, std::size_t count) {
  return count / std::size_t(facts(t).block) * std::size_t(facts(t).bytes);
}

/// A number format as a type: values of a block (1: each alone) and its bytes in a file.
template <dtype T> struct format {
  static constexpr dtype id = T;
  static constexpr int block = facts(T).block, bytes = facts(T).bytes;
  static constexpr bool quantised = block > 1;
};
struct f32 : format<dtype::f32> {};
struct f16 : format<dtype::f16> {};
struct bf16 : format<dtype::bf16> {};
struct q8_0 : format<dtype::q8_0> {};
struct q4_0 : format<dtype::q4_0> {};
struct q4_1 : format<dtype::q4_1> {};
struct q8_f32 : format<dtype::q8_f32> {};
struct q5_0 : format<dtype::q5_0> {};
struct q5_1 : format<dtype::q5_1> {};
struct q4_k : format<dtype::q4_k> {};
struct q5_k : format<dtype::q5_k> {};
struct q6_k : format<dtype::q6_k> {};

/// The formats of a weight: one, or several block formats where its layers differ, with the number of layers in each. Which layer
/// has which is known when a file is read.
struct layer_formats {
  static constexpr int most = 4;
  std::array<dtype, most> type{};
  std::array<int, most> layers{};  // of a mixture
  int count = 1;

  constexpr layer_formats(dtype t = dtype::f32) : type{t} {}
  constexpr bool mixed() const { return count > 1; }
  constexpr dtype only() const { return type[0]; }
  constexpr bool quantised() const { return facts(type[0]).quantised(); }
  constexpr bool operator==(layer_formats const&) const = default;
  /// Where a format stands among them, or -1.
  constexpr int index_of(dtype t) const {
    for (int i = 0; i < count; ++i)
      if (type[std::size_t(i)] == t) return i;
    return -1;
  }
};

/// Bytes of `count` values in a layer, in the mean over layers.
constexpr double bytes_of(layer_formats const& f, std::size_t count) {
  if (!f.mixed()) return double(bytes_of(f.type[0], count));
  double bytes = 0;
  int layers = 0;
  for (std::size_t i = 0; i < std::size_t(f.count); ++i)
    bytes += double(bytes_of(f.type[i], count)) * f.layers[i], layers += f.layers[i];
  return bytes / layers;
}

/// "q4_k", or "16 q4_k + 16 q6_k".
inline std::string text_of(layer_formats const& f) {
  if (!f.mixed()) return std::string(facts(f.type[0]).name);
  std::string text;
  for (std::size_t i = 0; i < std::size_t(f.count); ++i)
    text += (i > 0 ? " + " : "") + std::to_string(f.layers[i]) + " " + std::string(facts(f.type[i]).name);
  return text;
}

/// `Count` layers of a weight are in Format.
template <int Count, class Format> struct layers_in {
  static constexpr int count = Count;
  using format = Format;
};
/// The format of a weight whose layers are in different block formats, each named once.
template <class... Layers> struct by_layer {
  static_assert(sizeof...(Layers) > 1 && sizeof...(Layers) <= layer_formats::most && (Layers::format::quantised && ...),
                "by_layer: two to four formats, all of them in blocks");
  static constexpr layer_formats id = [] {
    layer_formats f;
    f.count = 0;
    ((f.type[std::size_t(f.count)] = Layers::format::id, f.layers[std::size_t(f.count++)] = int(Layers::count)), ...);
    return f;
  }();
};

}  // namespace cria
