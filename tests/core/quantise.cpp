#include "cria/core/quantise.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/io/safetensors.hpp"
#include "support/paths.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;

namespace {

dtype dtype_of(std::string_view name) {
  for (std::size_t i = 0; i < dtype_table.size(); ++i)
    if (dtype_table[i].name == name) return dtype(i);
  FAIL("no format " << name);
  return {};
}

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

template <class F> constexpr std::array<float, 32> through(std::array<float, 32> values) {
  std::array<std::byte, 128> bytes{};
  for (int i = 0; i < 32; i += F::block) encode<F>(values.data() + i, bytes.data() + i / F::block * F::bytes);
  for (int i = 0; i < 32; i += F::block) decode<F>(bytes.data() + i / F::block * F::bytes, values.data() + i);
  return values;
}

constexpr std::array<float, 32> sevenths = [] {
  std::array<float, 32> values{};
  for (int i = 0; i < 32; ++i) values[std::size_t(i)] = float(i - 16) / 7;
  return values;
}();

static_assert(through<f32>(sevenths) == sevenths);  // everything runs at compile time too

}  // namespace

TEST_CASE("blocks have the bytes and values of the reference") {
  io::safetensors const file{io::mapped_file(test::golden_file("quant/blocks.safetensors").string())};
  auto const cases = test::read_json(test::golden_file("quant/cases.json"));
  REQUIRE(cases.size() > 10);
  for (auto const& c : cases) {
    auto const input = c["input"].get<std::string>();
    INFO(input << " as " << c["type"]);
    auto const t = dtype_of(c["type"].get<std::string>());
    auto const values = file.values<float>(input);
    auto const bytes = file.values<std::uint8_t>(c["bytes"].get<std::string>());
    auto const read = file.values<float>(c["dequantised"].get<std::string>());
    REQUIRE(values.size() == c["values"].get<std::size_t>());

    std::vector<float> decoded(read.size());
    decode(t, std::as_bytes(std::span(bytes)), decoded);
    for (std::size_t i = 0; i < read.size(); ++i) REQUIRE(same(decoded[i], read[i]));

    auto const encoded = encode(t, values);
    REQUIRE(encoded.size() == bytes.size());
    std::vector<float> again(read.size());
    decode(t, encoded, again);
    bool const codes_are_undefined = input.starts_with("denormal_f32");  // 1 / d overflows
    bool const sign_of_zero_is_free = input.starts_with("negative_zeros") && t == dtype::q4_0;
    for (std::size_t i = 0; i < read.size(); ++i)
      REQUIRE((same(again[i], read[i]) ||
               ((codes_are_undefined || sign_of_zero_is_free) && again[i] == 0 && read[i] == 0)));
    for (std::size_t i = 0; i < bytes.size() && !codes_are_undefined && !sign_of_zero_is_free; ++i) {
      if (t == dtype::f16 || t == dtype::bf16) {  // a NaN has many codes
        if (std::isnan(read[i / 2])) continue;
      }
      REQUIRE(int(encoded[i]) == int(bytes[i]));
    }
  }
}

TEST_CASE("blocks of 5 bits and of 256 values have the values of the reference") {
  io::safetensors const file{io::mapped_file(test::golden_file("quant/k_blocks.safetensors").string())};
  for (auto const t : {dtype::q5_0, dtype::q5_1, dtype::q4_k, dtype::q5_k, dtype::q6_k}) {
    std::string const name(facts(t).name);
    auto const bytes = file.values<std::uint8_t>(name + ".bytes");
    auto const read = file.values<float>(name + ".f32");
    REQUIRE(read.size() == 15 * std::size_t(facts(t).block));
    std::vector<float> decoded(read.size());
    decode(t, std::as_bytes(std::span(bytes)), decoded);
    std::size_t different = 0;
    for (std::size_t i = 0; i < read.size(); ++i) different += !same(decoded[i], read[i]);
    INFO(name);
    CHECK(different == 0);
    if (facts(t).block == 256) continue;  // gguf-py writes no others
    auto const written = file.values<std::uint8_t>(name + ".written");
    auto const encoded = encode(t, file.values<float>(name + ".from"));
    REQUIRE(encoded.size() == written.size());
    CHECK(std::memcmp(encoded.data(), written.data(), written.size()) == 0);
  }
}

TEST_CASE("plain rounding to blocks of 256 is within half a step of their scales") {
  std::vector<float> values(1024), read(1024);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(float(i * i) * 0.37f) * std::exp(float(i % 7) - 4) + 0.2f;
  // A step is the span of 32 values over 15 or 31, of the largest of 16 over 32. The scale itself is rounded by half a 63rd
  // (128th) of the block's largest, which the code multiplies by 15, 31 or 32, and so is the minimum; f16 adds 2^-11 of it.
  struct bound {
    dtype type;
    float step, of_scale;
  };
  constexpr bound bounds[]{
      {dtype::q4_k, 1 / 15.0f, 1 / 63.0f}, {dtype::q5_k, 1 / 31.0f, 1 / 63.0f}, {dtype::q6_k, 1 / 32.0f, 1 / 256.0f}};
  for (auto const& [t, step, of_scale] : bounds) {
    decode(t, encode(t, values), read);
    for (std::size_t begin = 0; begin < values.size(); begin += 256) {
      float span = 0, worst = 0;
      for (std::size_t i = begin; i < begin + 256; ++i)
        span = std::max(span, 2 * std::abs(values[i])), worst = std::max(worst, std::abs(values[i] - read[i]));
      INFO(facts(t).name << ", block " << begin / 256);
      CHECK(worst <= span * (step / 2 + of_scale + 0x1p-10f));
      CHECK(worst > 0);
    }
  }
}

TEST_CASE("q8_f32 keeps its scale in f32") {
  std::array<float, 32> values{};
  values[0] = -127 * 1e-20f, values[1] = 63.5f * 1e-20f;
  auto const bytes = encode(dtype::q8_f32, values);
  REQUIRE(bytes.size() == 36);
  float const scale = detail::load_f32(bytes.data());
  REQUIRE(scale == 127 * 1e-20f / 127);
  REQUIRE(int(std::int8_t(bytes[4])) == -127);
  REQUIRE(int(std::int8_t(bytes[5])) == 64);
  std::array<float, 32> read{};
  decode(dtype::q8_f32, bytes, read);
  REQUIRE(read[0] == -127 * scale);
  REQUIRE(read[2] == 0);
}

TEST_CASE("codes are rounded to the nearest, halves away from zero") {
  STATIC_REQUIRE(detail::nearest(0.49999997f) == 0);
  STATIC_REQUIRE(detail::nearest(0.5f) == 1);
  STATIC_REQUIRE(detail::nearest(-2.5f) == -3);
  STATIC_REQUIRE(detail::nearest(126.5f) == 127);
  STATIC_REQUIRE(detail::nearest(1e30f) == 127);
  STATIC_REQUIRE(detail::cut(std::numeric_limits<float>::quiet_NaN(), 0, 15) == 0);
}

TEST_CASE("every 16-bit number survives f32") {
  for (unsigned code = 0; code < 0x10000; ++code) {
    auto const h = std::uint16_t(code);
    if (!std::isnan(f16_to_f32(h))) REQUIRE(f32_to_f16(f16_to_f32(h)) == h);
    if (!std::isnan(bf16_to_f32(h))) REQUIRE(f32_to_bf16(bf16_to_f32(h)) == h);
  }
}

TEST_CASE("a block that no number fits stays within its codes") {
  std::array<float, 32> values{};
  values.fill(std::numeric_limits<float>::infinity());
  values[3] = std::numeric_limits<float>::quiet_NaN();
  for (auto const t : {dtype::q8_0, dtype::q4_0, dtype::q4_1, dtype::q8_f32, dtype::q5_0, dtype::q5_1})
    REQUIRE(encode(t, values).size() == std::size_t(facts(t).bytes));  // the sanitizers watch the casts
  std::vector<float> many(256, values[0]);
  many[3] = values[3], many[40] = -values[0];
  for (auto const t : {dtype::q4_k, dtype::q5_k, dtype::q6_k}) REQUIRE(encode(t, many).size() == std::size_t(facts(t).bytes));
}

TEST_CASE("sizes that don't fit are refused") {
  std::array<float, 33> values{};
  std::array<std::byte, 18> bytes{};
  REQUIRE_THROWS_WITH(encode(dtype::q4_0, values),
                      ContainsSubstring("a multiple of 32 values") && ContainsSubstring("found 33"));
  REQUIRE_THROWS_WITH(decode(dtype::q4_1, bytes, std::span(values).first(32)),
                      ContainsSubstring("20 bytes") && ContainsSubstring("found 18"));
}
