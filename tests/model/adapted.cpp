// Engines with an adapter in f32 beside weights in blocks.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <catch2/catch_test_macros.hpp>

#include "cria/model/adapter.hpp"
#include "cria/model/engine.hpp"
#include "cria/model/plain.hpp"
#include "support/difference.hpp"
#include "support/files.hpp"
#include "support/kokkos.hpp"
#include "support/paths.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct alone : llama2::config<32, 2, 4, 2, 64, 40, 64> {
  static constexpr bool tied = true;
};
using apart = nn::adapted<alone, 3, 6, nn::wq, nn::wv, nn::wo, nn::w2, nn::w3>;
using blocks = formats<q4_0>;
using blocks_apart = apart::formats_of<blocks>;

/// The model, with an adapter whose B is `size` times numbers within 1.
llama2::checkpoint file_with(std::string const& text, double size) {
  llama2::checkpoint file(io::gguf(as_file(text)));
  auto h = file.shape();
  h.adapter = {3, 6, {"wq", "wv", "wo", "w2", "w3"}};
  llama2::whole_weights const made([&](std::string_view name, int layer) {
    auto const all = llama2::weights_of(h);
    auto const& w = *std::ranges::find(all, name, &llama2::weight_info::name);
    std::vector<float> values(std::size_t(w.rows) * std::size_t(w.cols));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = float(std::sin(double(i * i + name.size()) + layer) * (name.ends_with('a') ? 0.2 : size));
    return values;
  });
  temporary_folder const folder;
  llama2::write_adapter(folder.path() / "adapter", h, dtype::f32, made, "");
  file.attach(llama2::adapter::open(folder.path() / "adapter", file.shape()));
  return file;
}

template <class V, class Policy> std::vector<float> logits(llama2::checkpoint const& file) {
  std::vector<infer::row> rows;
  for (int i = 0; i < 11; ++i) rows.push_back({i * i % 40, 0, i});
  llama2::decoder_engine<llama2::decoder<V>, Policy> engine(file, {}, space());
  auto const found = engine.forward(rows, infer::logits::all);
  return {found.begin(), found.end()};
}

}  // namespace

TEST_CASE("an adapter beside blocks") {
  auto const format = [](std::string const& name) { return name.find("norm") == name.npos ? dtype::q4_0 : dtype::f32; };
  tiny_gguf const tiny{.format = format};
  auto const text = tiny.str();
  llama2::checkpoint const without(io::gguf(as_file(text)));
  auto const with = file_with(text, 0.2), nothing = file_with(text, 0);
  plain_step s;
  for (int i = 0; i < 11; ++i) s.token.push_back(i * i % 40), s.sequence.push_back(0), s.position.push_back(i);
  auto const expected = llama2::plain_logits<llama2::decoder<apart>>(with, s).at;
  double magnitude = 0;
  for (double const x : expected) magnitude = std::max(magnitude, std::abs(x));
  auto const exact = logits<apart, policy::exact<blocks_apart>>(with);
  CHECK(largest_difference(exact, expected) < 1e-5 * magnitude);  // as without an adapter in engine.cpp

  // Where B is 0 the bits are the model's, with int8 activations too.
  auto const fast = logits<alone, policy::fast<blocks>>(without), none = logits<apart, policy::fast<blocks_apart>>(nothing);
  CHECK(std::memcmp(fast.data(), none.data(), fast.size() * sizeof(float)) == 0);
  // And an adapter does the same beside them: products in int8, each off by up to 1/254 of its largest activation and some ten of
  // them behind each other, move logits by some hundredths of themselves; this adapter by more than half.
  auto const of_int8 = largest_difference(logits<apart, policy::fast<blocks_apart>>(with), exact);
  auto const of_adapter = largest_difference(exact, logits<alone, policy::exact<blocks>>(without));
  CHECK(of_int8 < 0.1 * magnitude);
  CHECK(of_adapter > 0.5 * magnitude);
}
