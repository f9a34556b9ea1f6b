#pragma once
// Checkpoints of llama2.c: the first version (f32, no magic number) and version 2 (int8 in groups, with an f32 scale
// each). Source: llama2.c's export.py, run.c and runq.c.
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/byte_reader.hpp"
#include "cria/io/mapped_file.hpp"

namespace cria::io {

/// What a tensor in the file is; all but the first and the last two exist once for each layer.
enum class llama2c_tensor { embed, attention_norm, wq, wk, wv, wo, ffn_norm, w1, w2, w3, norm, head };

/// A llama2.c checkpoint. The size of the file is checked against its header when it is opened.
class llama2c {
 public:
  struct header {
    std::int32_t dim, hidden, layers, heads, kv_heads, vocabulary, context;
  };

  /// bytes: f32 [rows, columns], or int8 with `scales`, one f32 for each `group` of values in a row's order.
  struct tensor {
    std::uint64_t rows = 0, columns = 0;
    std::span<std::byte const> bytes, scales;
  };

  /// Throws cria::error for a header that cannot be, and for a file that is shorter or longer than it says.
  explicit llama2c(mapped_file file) : file_(std::move(file)) {
    byte_reader in(path(), file_.bytes());
    if (has_magic(file_.bytes()))
      read_version_2(in);
    else
      read_version_0(in);
  }

  /// A magic number, or seven numbers that a first-version header can hold.
  static bool recognises(std::span<std::byte const> bytes) {
    header h{};
    if (has_magic(bytes)) return true;
    if (bytes.size() < sizeof(h)) return false;
    std::memcpy(&h, bytes.data(), sizeof(h));
    return h.vocabulary != std::numeric_limits<std::int32_t>::min() && faults(h).empty();
  }

  std::string const& path() const { return file_.path(); }
  mapped_file const& file() const { return file_; }
  int version() const { return group_ == 0 ? 0 : 2; }
  header const& shape() const { return shape_; }
  bool tied() const { return tied_; }
  int group() const { return group_; }  // values that share a scale; 0: f32

  tensor const& at(llama2c_tensor which, int layer) const {
    return tensors_[std::size_t(which)].at(std::size_t(layer));
  }

 private:
  static bool has_magic(std::span<std::byte const> bytes) {
    std::uint32_t magic = 0;
    if (bytes.size() >= 4) std::memcpy(&magic, bytes.data(), 4);
    return magic == 0x616b3432;
  }

  /// Why no model has this header; empty for one that could be.
  static std::string faults(header const& h) {
    constexpr int most = 1 << 24;
    auto const wrong = [&](int n) { return n < 1 || n > most; };
    if (wrong(h.dim) || wrong(h.hidden) || wrong(h.layers) || wrong(h.heads) || wrong(h.kv_heads) || wrong(h.context) ||
        (wrong(h.vocabulary) && wrong(-h.vocabulary)))
      return fmt::format("a number is not in 1..{}", most);
    if (h.dim % h.heads != 0) return fmt::format("width {} is not a multiple of {} heads", h.dim, h.heads);
    if (h.heads % h.kv_heads != 0)
      return fmt::format("{} heads are not a multiple of {} kv heads", h.heads, h.kv_heads);
    return {};
  }

  void check(header h) {
    if (h.vocabulary == std::numeric_limits<std::int32_t>::min()) h.vocabulary = 0;
    if (auto const fault = faults(h); !fault.empty()) throw error(path(), "header", "the shape of a model", fault);
    if (std::uint64_t(h.layers) > file_.bytes().size())
      throw error(path(), "layers", "as many as fit the file", std::to_string(h.layers));
    shape_ = h;
  }

  void read_version_0(byte_reader& in) {
    auto h = in.read<header>("the header");
    check(h);
    tied_ = h.vocabulary > 0;
    shape_.vocabulary = h.vocabulary > 0 ? h.vocabulary : -h.vocabulary;
    using enum llama2c_tensor;
    for (auto const which : {embed, attention_norm, wq, wk, wv, wo, ffn_norm, w1, w2, w3, norm}) take(in, which);
    in.take(saturated_product(std::uint64_t(h.context), 4 * head_dim()),
            "the rotary tables");  // cosines and sines, computed anew
    if (!tied_) take(in, head);
    end(in);
  }

  void read_version_2(byte_reader& in) {
    in.take(4, "the magic");
    auto const version = in.read<std::int32_t>("the version");
    if (version != 2)
      throw error(path(), "version of the llama2.c checkpoint", "the first (without a magic number) or 2",
                  std::to_string(version));
    check(in.read<header>("the header"));
    if (shape_.vocabulary < 0)
      throw error(path(), "size of the vocabulary", "1 or more", std::to_string(shape_.vocabulary));
    auto const tied = in.read<std::uint8_t>("the header");
    if (tied > 1) throw error(path(), "flag of the shared classifier", "0 or 1", std::to_string(tied));
    tied_ = tied == 1;
    group_ = in.read<std::int32_t>("the group size");
    if (group_ < 1) throw error(path(), "group size", "1 or more", std::to_string(group_));
    in.take(256 - in.position(), "the header");
    using enum llama2c_tensor;
    for (auto const which : {attention_norm, ffn_norm, norm, embed, wq, wk, wv, wo, w1, w2, w3}) take(in, which);
    if (!tied_) take(in, head);
    end(in);
  }

  std::uint64_t head_dim() const { return std::uint64_t(shape_.dim / shape_.heads); }

  std::pair<std::uint64_t, std::uint64_t> extents(llama2c_tensor which) const {
    auto const dim = std::uint64_t(shape_.dim), hidden = std::uint64_t(shape_.hidden),
               kv = std::uint64_t(shape_.kv_heads) * head_dim();
    using enum llama2c_tensor;
    switch (which) {
      case embed:
      case head: return {std::uint64_t(shape_.vocabulary), dim};
      case wq:
      case wo: return {dim, dim};
      case wk:
      case wv: return {kv, dim};
      case w1:
      case w3: return {hidden, dim};
      case w2: return {dim, hidden};
      default: return {1, dim};
    }
  }

  void take(byte_reader& in, llama2c_tensor which) {
    using enum llama2c_tensor;
    auto const [rows, columns] = extents(which);
    bool const vector = which == attention_norm || which == ffn_norm || which == norm;
    std::uint64_t const values = rows * columns;  // both at most 2^24
    int const count = which == embed || which == norm || which == head ? 1 : shape_.layers;
    for (int layer = 0; layer < count; ++layer) {
      tensor t{rows, columns, {}, {}};
      if (group_ == 0 || vector) {
        t.bytes = in.take(4 * values, "the weights");
      } else {
        if (values % std::uint64_t(group_) != 0)
          throw error(path(), "group size", fmt::format("a divisor of {}", values), std::to_string(group_));
        t.bytes = in.take(values, "the weights");
        t.scales = in.take(values / std::uint64_t(group_) * 4, "the scales");
      }
      tensors_[std::size_t(which)].push_back(t);
    }
  }

  void end(byte_reader const& in) const {
    if (in.remaining() != 0)
      throw error(path(), "size of the file", fmt::format("{} bytes", in.position()),
                  std::to_string(in.position() + in.remaining()));
  }

  mapped_file file_;
  header shape_{};
  bool tied_ = false;
  int group_ = 0;
  std::array<std::vector<tensor>, 12> tensors_;
};

}  // namespace cria::io
