#pragma once
// Small files of every format, made in memory: right ones, and with a change here and there wrong ones.
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cria/core/quantise.hpp"
#include "cria/io/mapped_file.hpp"

namespace cria::test {

template <class T> std::string raw(T value) { return {reinterpret_cast<char const*>(&value), sizeof value}; }

inline std::string raw(std::vector<float> const& values) {
  return {reinterpret_cast<char const*>(values.data()), values.size() * sizeof(float)};
}
inline std::string raw(std::vector<std::byte> const& bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// `text` read as if it were the file `name`; it must live as long.
inline io::mapped_file as_file(std::string const& text, std::string name = "file") {
  return {std::move(name), std::as_bytes(std::span(text))};
}

/// Values that differ from each other and are exact in f16 and bf16.
inline std::vector<float> ramp(std::size_t count, int start = 0) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = float((int(i) * 7 + start) % 127 - 63) / 64;
  return values;
}

/// A GGUF file, part by part.
class gguf_writer {
 public:
  static std::string text(std::string_view s) { return raw(std::uint64_t(s.size())) + std::string(s); }

  gguf_writer& key(std::string_view name, std::uint32_t kind, std::string const& value) {
    keys_ += text(name) + raw(kind) + value;
    ++key_count_;
    return *this;
  }
  gguf_writer& u32(std::string_view name, std::uint32_t value) { return key(name, 4, raw(value)); }
  gguf_writer& f32(std::string_view name, float value) { return key(name, 6, raw(value)); }
  gguf_writer& boolean(std::string_view name, bool value) { return key(name, 7, raw(std::uint8_t(value))); }
  gguf_writer& string(std::string_view name, std::string_view value) { return key(name, 8, text(value)); }
  gguf_writer& array(std::string_view name, std::uint32_t kind, std::uint64_t count, std::string const& values) {
    return key(name, 9, raw(kind) + raw(count) + values);
  }
  gguf_writer& strings(std::string_view name, std::vector<std::string> const& values) {
    std::string all;
    for (auto const& v : values) all += text(v);
    return array(name, 8, values.size(), all);
  }

  /// `shape` has its fastest axis first.
  gguf_writer& tensor(std::string_view name, std::vector<std::uint64_t> const& shape, std::uint32_t type,
                      std::string const& bytes) {
    tensors_ += text(name) + raw(std::uint32_t(shape.size()));
    for (auto const extent : shape) tensors_ += raw(extent);
    tensors_ += raw(type) + raw(std::uint64_t(data_.size()));
    data_ += bytes;
    data_.resize((data_.size() + 31) / 32 * 32);
    ++tensor_count_;
    return *this;
  }

  std::string str() const {
    std::string out = "GGUF" + raw(std::uint32_t(3)) + raw(tensor_count_) + raw(key_count_) + keys_ + tensors_;
    if (data_.empty()) return out;
    out.resize((out.size() + 31) / 32 * 32);
    return out + data_;
  }

 private:
  std::uint64_t tensor_count_ = 0, key_count_ = 0;
  std::string keys_, tensors_, data_;
};

/// How a test wants its tiny Llama: the parts it changes.
struct tiny_gguf {
  std::uint32_t embed = 32, layers = 2, heads = 4, kv_heads = 2, head_dim = 8, hidden = 64, vocabulary = 40;
  bool tied = true;
  std::function<dtype(std::string const&)> format = [](std::string const&) { return dtype::f32; };
  std::function<void(gguf_writer&)> extra = [](gguf_writer&) {};
  std::string leave_out = {};

  std::string str() const {
    gguf_writer w;
    w.string("general.architecture", "llama").u32("llama.embedding_length", embed).u32("llama.block_count", layers);
    w.u32("llama.attention.head_count", heads)
        .u32("llama.attention.head_count_kv", kv_heads)
        .u32("llama.attention.key_length", head_dim);
    w.u32("llama.feed_forward_length", hidden)
        .u32("llama.context_length", 64)
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    int start = 0;
    auto const add = [&](std::string const& name, std::uint64_t in, std::uint64_t out) {
      if (name == leave_out) return;
      auto const t = format(name);
      constexpr std::uint32_t numbers[]{0, 1, 30, 8, 2, 3, 0, 6, 7, 12, 13, 14};  // ggml's, by dtype
      std::vector<std::uint64_t> shape{in};
      if (out > 0) shape.push_back(out);
      w.tensor(name, shape, numbers[int(t)], raw(encode(t, ramp(in * std::max<std::uint64_t>(out, 1), start += 13))));
    };
    add("token_embd.weight", embed, vocabulary);
    for (std::uint32_t i = 0; i < layers; ++i) {
      auto const p = "blk." + std::to_string(i) + ".";
      auto const q = std::uint64_t(heads) * head_dim, kv = std::uint64_t(kv_heads) * head_dim;
      add(p + "attn_norm.weight", embed, 0), add(p + "attn_q.weight", embed, q), add(p + "attn_k.weight", embed, kv);
      add(p + "attn_v.weight", embed, kv), add(p + "attn_output.weight", q, embed),
          add(p + "ffn_norm.weight", embed, 0);
      add(p + "ffn_gate.weight", embed, hidden), add(p + "ffn_down.weight", hidden, embed),
          add(p + "ffn_up.weight", embed, hidden);
    }
    add("output_norm.weight", embed, 0);
    if (!tied) add("output.weight", embed, vocabulary);
    extra(w);
    return w.str();
  }
};

/// A llama2.c checkpoint of the first version, or with group > 0 of version 2.
struct tiny_llama2c {
  std::int32_t dim = 32, hidden = 64, layers = 2, heads = 4, kv_heads = 2, vocabulary = 40, context = 16;
  bool tied = true;
  int group = 0;

  std::string str() const {
    int start = 0;
    auto const vector = [&] { return raw(ramp(std::size_t(dim), start += 13)); };
    auto const matrix = [&](int rows, int columns) {
      auto const count = std::size_t(rows) * std::size_t(columns);
      start += 13;
      if (group == 0) return raw(ramp(count, start));
      std::string values, scales;
      for (std::size_t i = 0; i < count; ++i) values += char(int(i * 5 + std::size_t(start)) % 255 - 127);
      for (std::size_t i = 0; i < count / std::size_t(group); ++i) scales += raw(float(i + 1) / 512);
      return values + scales;
    };
    std::string out;
    auto const each = [&](auto const& make) {
      for (int i = 0; i < layers; ++i) out += make();
    };
    int const kv = dim / heads * kv_heads;
    std::string const shape = raw(dim) + raw(hidden) + raw(layers) + raw(heads) + raw(kv_heads);
    if (group == 0) {
      out = shape + raw(tied ? vocabulary : -vocabulary) + raw(context);
    } else {
      out = raw(std::uint32_t(0x616b3432)) + raw(std::int32_t(2)) + shape + raw(vocabulary) + raw(context) +
            raw(std::uint8_t(tied)) + raw(group);
      out.resize(256);
      each(vector), each(vector), out += vector();
    }
    out += matrix(vocabulary, dim);
    if (group == 0) each(vector);
    each([&] { return matrix(dim, dim); }), each([&] { return matrix(kv, dim); }),
        each([&] { return matrix(kv, dim); });
    each([&] { return matrix(dim, dim); });
    if (group == 0) each(vector);
    each([&] { return matrix(hidden, dim); }), each([&] { return matrix(dim, hidden); }),
        each([&] { return matrix(hidden, dim); });
    if (group == 0) out += vector() + std::string(std::size_t(context * (dim / heads) * 4), '\0');
    if (!tied) out += matrix(vocabulary, dim);
    return out;
  }
};

/// A safetensors file of a JSON header and the data behind it.
inline std::string safetensors(std::string const& header, std::string const& data) {
  return raw(std::uint64_t(header.size())) + header + data;
}

}  // namespace cria::test
