// Engines on small files: what they refuse, what they return, and logits as the plain tensors compute them.
#include "cria/model/checkpoint.hpp"
#include "cria/model/engine.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/model/plain.hpp"
#include "support/files.hpp"
#include "support/kokkos.hpp"

using namespace cria;
using namespace cria::test;
using Catch::Matchers::MessageMatches, Catch::Matchers::StartsWith, Catch::Matchers::ContainsSubstring;

namespace {

struct tiny_shape : llama2::config<32, 2, 4, 2, 64, 40, 64> {
  static constexpr bool tied = true;
};
using exact = policy::exact<>;
using small_engine = llama2::decoder_engine<llama2::decoder<tiny_shape>, exact>;

/// A file with the changes of a test.
template <class F> void with_file(F const& f, tiny_gguf const& tiny = {}) {
  auto const text = tiny.str();
  f(llama2::checkpoint(io::gguf(as_file(text))));
}

std::vector<infer::row> rows(std::vector<int> const& tokens) {
  std::vector<infer::row> r;
  for (int const t : tokens) r.push_back({t, 0, int(r.size())});
  return r;
}

std::vector<float> copied(std::span<float const> x) { return {x.begin(), x.end()}; }

template <class Change> void refuses(std::string const& what, Change const& change) {
  tiny_gguf tiny;
  change(tiny);
  with_file([&](llama2::checkpoint const& file) {
    INFO(what);
    CHECK_THROWS_MATCHES(
        (llama2::check_shape<llama2::decoder<tiny_shape>, exact>(file)), error,
        MessageMatches(StartsWith("file: this program was compiled for another") && ContainsSubstring(what)));
  }, tiny);
}

}  // namespace

TEST_CASE("a file of another shape or format is refused, and the difference named") {
  refuses("width (expected 32, found 64)", [](auto& t) { t.embed = 64; });
  refuses("layers (expected 2, found 3)", [](auto& t) { t.layers = 3; });
  refuses("heads (expected 4, found 2)", [](auto& t) { t.heads = 2, t.kv_heads = 2; });
  refuses("kv heads (expected 2, found 4)", [](auto& t) { t.kv_heads = 4; });
  refuses("size of a head (expected 8, found 16)", [](auto& t) { t.head_dim = 16; });
  refuses("the weight w1 (expected [64, 32], found [96, 32])", [](auto& t) { t.hidden = 96; });
  refuses("vocabulary (expected 40, found 41)", [](auto& t) { t.vocabulary = 41; });
  refuses("tied head", [](auto& t) { t.tied = false; });
  refuses("theta", [](auto& t) { t.extra = [](gguf_writer& w) { w.f32("llama.rope.freq_base", 5000); }; });
  refuses("w2 (expected f32, found q4_0)", [](auto& t) {
    t.format = [](std::string const& n) { return n.find("ffn_down") == std::string::npos ? dtype::f32 : dtype::q4_0; };
  });
  with_file([](llama2::checkpoint const& file) {
    CHECK_NOTHROW(llama2::check_shape<llama2::decoder<tiny_shape>, exact>(file));
  });
}

namespace {

/// As llama.cpp's Q4_K_M mixes them.
struct tiny_k_shape : llama2::config<256, 3, 4, 2, 512, 40, 64> {
  static constexpr bool tied = true;
};
template <class WV>
using k_formats = formats<q4_k, stored<llama2::embed, q6_k>, stored<llama2::wk, q5_k>, stored<llama2::wq, q5_0>,
                          stored<llama2::wo, q5_1>, stored<llama2::wv, WV>,
                          stored<llama2::w2, by_layer<layers_in<1, q5_1>, layers_in<1, q4_k>, layers_in<1, q6_k>>>>;
using k_exact = policy::exact<k_formats<by_layer<layers_in<2, q4_k>, layers_in<1, q6_k>>>>;
tiny_gguf const tiny_k{.embed = 256, .layers = 3, .head_dim = 64, .hidden = 512, .format = [](std::string const& n) {
  auto const has = [&](char const* part) { return n.find(part) != n.npos; };
  if (has("norm")) return dtype::f32;
  if (has("attn_q")) return dtype::q5_0;
  if (has("attn_k")) return dtype::q5_k;
  if (has("attn_output") || n == "blk.2.ffn_down.weight") return dtype::q5_1;
  return has("token_embd") || n == "blk.1.attn_v.weight" || n == "blk.0.ffn_down.weight" ? dtype::q6_k : dtype::q4_k;
}};

}  // namespace

TEST_CASE("a model whose layers are in different formats keeps their bytes, and has its own forward's logits") {
  with_file([](llama2::checkpoint const& file) {
    using other = policy::exact<k_formats<by_layer<layers_in<1, q4_k>, layers_in<2, q6_k>>>>;
    CHECK_THROWS_MATCHES(
        (llama2::check_shape<llama2::decoder<tiny_k_shape>, other>(file)), error,
        MessageMatches(ContainsSubstring("another format of wv (expected 1 q4_k + 2 q6_k, found 2 q4_k + 1 q6_k)")));
    auto const input = rows({3, 1, 4, 1, 5, 9, 2, 6, 5, 35});
    plain_step s;
    for (auto const& r : input) s.token.push_back(r.token), s.sequence.push_back(0), s.position.push_back(r.position);
    auto const expected = llama2::plain_logits<llama2::decoder<tiny_k_shape>>(file, s);
    llama2::decoder_engine<llama2::decoder<tiny_k_shape>, k_exact> engine(file, {}, space());
    auto const logits = engine.forward(input, infer::logits::all);
    REQUIRE(logits.size() == expected.at.size());
    double largest = 0, magnitude = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      largest = std::max(largest, std::abs(double(logits[i]) - expected.at[i]));
      magnitude = std::max(magnitude, std::abs(expected.at[i]));
    }
    CHECK(largest < 1e-5 * magnitude);
    double bytes = 3 * 4 * 2 * 256 + 4 * 256;  // norms
    for (auto const& t : file.gguf()->tensors())
      if (t.shape.size() == 2) bytes += double(t.bytes.size());
    CHECK(llama2::describe<llama2::decoder<tiny_k_shape>, k_exact>().weight_bytes == bytes);
  }, tiny_k);
}

TEST_CASE("rows out of range are refused") {
  with_file([](llama2::checkpoint const& file) {
    small_engine engine(file, {.room = 20, .sequences = 2}, space());
    auto const refused = [&](infer::row const& row, std::string const& message) {
      CHECK_THROWS_MATCHES(engine.forward({&row, 1}, infer::logits::last), error, Catch::Matchers::Message(message));
    };
    refused({40, 0, 0}, "token: out of range (expected 0 to 39, found 40)");
    refused({-1, 0, 0}, "token: out of range (expected 0 to 39, found -1)");
    refused({0, 2, 0}, "sequence: out of range (expected 0 to 1, found 2)");
    refused({0, 0, 20}, "position: out of range (expected 0 to 19, found 20)");
    CHECK_THROWS_AS(engine.forward({}, infer::logits::last), error);
    CHECK(engine.room() == 20);
    CHECK(engine.vocabulary() == 40);
  });
}

TEST_CASE("an input longer than a step is cut, with the same bits; logits of none, the last and all") {
  with_file([](llama2::checkpoint const& file) {
    auto const input = rows({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13});
    small_engine one(file, {}, space()), cut(file, {.rows = 4}, space());
    CHECK(one.room() == 64);
    auto const all = copied(one.forward(input, infer::logits::all));
    REQUIRE(all.size() == 13 * 40);
    CHECK(copied(cut.forward(input, infer::logits::all)) == all);
    CHECK(copied(cut.forward(input, infer::logits::last)) == std::vector(all.end() - 40, all.end()));
    CHECK(cut.forward(input, infer::logits::none).empty());
    auto const cost = one.cost();
    CHECK(cost.cache_bytes_per_position == 2 * 2 * 16 * 4);
    CHECK(cost.weight_bytes > 4 * (40 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 64 * 32)));
    CHECK(one.read_bandwidth() > 1e8);
  });
}

TEST_CASE("an engine's logits are those of the model's own forward on plain tensors") {
  with_file([](llama2::checkpoint const& file) {
    auto const input = rows({3, 1, 4, 1, 5, 9, 2, 6, 5, 35});
    plain_step s;
    for (auto const& r : input) s.token.push_back(r.token), s.sequence.push_back(0), s.position.push_back(r.position);
    auto const expected = llama2::plain_logits<llama2::decoder<tiny_shape>>(file, s);
    small_engine engine(file, {}, space());
    auto const logits = engine.forward(input, infer::logits::all);
    REQUIRE(logits.size() == expected.at.size());
    double largest = 0, magnitude = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      largest = std::max(largest, std::abs(double(logits[i]) - expected.at[i]));
      magnitude = std::max(magnitude, std::abs(expected.at[i]));
    }
    CHECK(largest < 1e-5 * magnitude);
  });
}
