// Adapters from peft's files and back, merged and apart. The golden model has biases; its adapter is of rank 6.
#include "cria/model/adapter.hpp"

#include <cmath>
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/model/config.hpp"
#include "cria/model/plain.hpp"
#include "variants/gpt2.hpp"
#include "support/difference.hpp"
#include "support/files.hpp"
#include "support/paths.hpp"
#include "support/python.hpp"

using namespace cria;
using namespace cria::llama2;
using test::largest_difference;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

struct base_config : config<40, 2, 4, 2, 52, 61, 64, 12> {
  template <class Tag, class Out, class In>
  using linear = typename nn::linear_with_biases<wq, wk, wv, wo>::template on<Tag, Out, In>;
  static constexpr double norm_eps = 1e-6;
};
using base = decoder<base_config>;
using apart = decoder<nn::adapted<base_config, 6, 9, wq, wk, wo, w1, w2>>;

checkpoint base_file() { return checkpoint::open(test::golden("lora").string()); }
checkpoint with_adapter() {
  auto file = base_file();
  file.attach(adapter::open(test::golden("lora/adapter"), file.shape()));
  return file;
}

io::safetensors reference_of(char const* name) {
  return io::safetensors(io::mapped_file((test::golden(name) / "reference.safetensors").string()));
}

template <class D>
std::vector<double> logits(checkpoint const& file, char const* name = "lora") {
  auto const reference = reference_of(name);
  auto const tokens = reference.values<std::int32_t>("tokens");
  plain_step step;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    step.token.push_back(tokens[i]), step.sequence.push_back(int(i / 29)), step.position.push_back(int(i % 29));
  return plain_logits<D>(file, step).at;
}

std::vector<float> values_of(checkpoint const& file, std::string_view name, int layer) {
  return weights_of(file).values(*std::ranges::find(file.weights(), name, &weight_info::name), layer);
}

/// adapter_model.safetensors with another number as value 2 of B of wq in layer 1.
std::string weights_with(float value) {
  auto const path = test::golden("lora/adapter") / "adapter_model.safetensors";
  io::safetensors const file{io::mapped_file(path.string())};
  auto const& b = *file.tensor("base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight");
  return test::read_text(path).replace(std::size_t(b.bytes.data() - file.file().bytes().data()) + 8, 4, test::raw(value));
}

std::string adapter_config(std::string const& member, nlohmann::json const& value) {
  auto config = test::read_json(test::golden("lora/adapter") / "adapter_config.json");
  config[member] = value;
  return config.dump();
}

void check_written(std::string const& reader, test::temporary_folder const& folder) {
  test::check_with_python(fs::path(__FILE__).parent_path() / "adapter.py", reader,
                          {folder.path().string(), test::golden("lora").parent_path().string()});
}

}  // namespace

TEST_CASE("an adapter of peft's beside its model") {
  auto const file = with_adapter();
  check_shape<apart>(file.shape(), "file");
  CHECK(file.shape().adapter.matrices == std::vector<std::string>{"wq", "wk", "wo", "w1", "w2"});
  CHECK(file.weights().size() == base_file().weights().size() + 10);
  // Both are f64; the reference was rounded to f32, half a step of 2^-22 at the largest logits, between 4 and 8.
  CHECK(largest_difference(logits<apart>(file), reference_of("lora").values<float>("logits")) < 0x1p-22);
}

TEST_CASE("an adapter of GPT-2, whose q, k and v are one matrix") {
  struct gpt2_config : gpt2<config<48, 2, 6, 6, 192, 97, 64>> {};
  using both = decoder<nn::adapted<gpt2_config, 3, 6, wq, wk, wv, wo, w1, w2>>;
  test::temporary_folder const folder;
  auto file = checkpoint::open(test::golden("variants/gpt2").string());
  file.attach(adapter::open(test::golden("lora_gpt2/adapter"), file.shape()));
  check_shape<both>(file.shape(), "file");
  auto const expected = reference_of("lora_gpt2").values<float>("logits");
  CHECK(largest_difference(logits<both>(file, "lora_gpt2"), expected) < 0x1p-22);  // as above
  auto const own = weights_of(file);
  write_hugging_face(folder.path() / "hf", without_adapter(file.shape()), dtype::f32, merged(file.shape(), own));
  auto const made = checkpoint::open((folder.path() / "hf").string());
  // Rounded as above; 6 products in each of 2 layers.
  CHECK(largest_difference(logits<decoder<gpt2_config>>(made, "lora_gpt2"), expected) < 2 * 12 * 0x1p-24 * 8 + 0x1p-22);
  // Written again it has q, k and v apart: three times the rank of c_attn, with zeros beside the diagonal.
  write_adapter(folder.path() / "again", file.shape(), dtype::f32, own, "small-gpt2");
  auto again = checkpoint::open(test::golden("variants/gpt2").string());
  again.attach(adapter::open(folder.path() / "again", again.shape()));
  using wider = decoder<nn::adapted<gpt2_config, 9, 18, wq, wk, wv, wo, w1, w2>>;
  check_shape<wider>(again.shape(), "again");
  // The same products, with sums of zeros.
  CHECK(largest_difference(logits<wider>(again, "lora_gpt2"), logits<both>(file, "lora_gpt2")) < 1e-12);
  CHECK_THROWS_WITH(adapter::open(test::golden("lora/adapter"), made.shape()),
                    ContainsSubstring("expected one of c_attn, c_proj, c_fc, found \"down_proj\""));
}

TEST_CASE("a new adapter of GPT-2 is one of c_attn in its files") {
  struct gpt2_config : gpt2<config<48, 2, 6, 6, 192, 97, 64>> {};
  test::temporary_folder const folder;
  for (auto const& matrices : {std::vector<std::string>{"wk"}, {"wq", "wv", "w2"}}) {
    auto file = checkpoint::open(test::golden("variants/gpt2").string());
    file.attach(adapter::initial({3, 5, matrices}, file.shape(), 1));
    auto const own = weights_of(file);
    // B begins at 0: for the test both have values of their own.
    whole_weights const filled([&](std::string_view name, int layer) {
      auto const w = std::ranges::find(file.weights(), name, &weight_info::name);
      auto values = own.values(*w, layer);
      for (std::size_t i = 0; i < values.size() && name.find(".lora_") != name.npos; ++i)
        values[i] = float(std::sin(double(i * name.size()) + layer + name[1]));
      return values;
    });
    auto const to = folder.path() / matrices[0];
    write_adapter(to, file.shape(), dtype::f32, filled, "");
    auto again = checkpoint::open(test::golden("variants/gpt2").string());
    again.attach(adapter::open(to, again.shape()));
    merged const expected(file.shape(), filled), found(again.shape(), weights_of(again));
    for (auto const* const name : {"wq", "wk", "wv", "w1", "w2"}) {
      auto const w = std::ranges::find(file.weights(), name, &weight_info::name);
      bool const adapted = std::ranges::find(matrices, name) != matrices.end();
      auto const before = adapted ? expected.values(*w, 1) : own.values(*w, 1);
      CHECK((largest_difference(before, own.values(*w, 1)) > 0.1) == adapted);
      CHECK(found.values(*w, 1) == before);  // the same sums in f64
    }
  }
}

TEST_CASE("adapters whose ranks and scales differ from matrix to matrix") {
  auto const reference = reference_of("lora_sizes");
  auto const opened = [&](char const* name) {
    auto file = base_file();
    file.attach(adapter::open(test::golden("lora_sizes") / name / "adapter", file.shape()));
    return file;
  };
  // As above; a B that is scaled is rounded to f32 once more: 2^-24 of each of 2 layers' 4 products, as in "merged and apart".
  auto const check = [&](std::vector<double> const& found, char const* name) {
    auto const expected = reference.values<float>(name);
    double const size = std::abs(*std::ranges::max_element(expected, {}, [](float x) { return std::abs(x); }));
    CHECK(largest_difference(found, expected) < 2 * 8 * 0x1p-24 * size + 0x1p-22);
  };
  check(logits<decoder<nn::adapted<base_config, 5, 5, wq, wk, w3, w2>>>(opened("patterns"), "lora_sizes"), "patterns");
  check(logits<decoder<nn::adapted<base_config, 6, 6, wv, wo>>>(opened("stabilised"), "lora_sizes"), "stabilised");
}

TEST_CASE("an adapter of rank 1 has a second row and column of zeros; values that are no numbers are refused") {
  test::temporary_folder const folder;
  auto file = base_file();
  auto h = file.shape();
  h.adapter = {1, 9, {"wq", "w2"}};
  auto const value = [](std::string_view name, int layer, std::size_t i) {
    return float(std::sin(double(i + name.size()) + layer));
  };
  float bad = 0;  // added to a value of B in wq's last layer
  whole_weights const source([&](std::string_view name, int layer) {
    auto const all = weights_of(h);
    auto const& w = *std::ranges::find(all, name, &weight_info::name);
    std::vector<float> values(std::size_t(w.rows) * std::size_t(w.cols));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(name, layer, i);
    if (name == "wq.lora_b" && layer == 1) values[4] += bad;
    return values;
  });
  write_adapter(folder.path() / "made", h, dtype::f32, source, "");
  CHECK(test::read_json(folder.path() / "made/adapter_config.json").at("r") == 1);
  file.attach(adapter::open(folder.path() / "made", file.shape()));
  check_shape<decoder<nn::adapted<base_config, 2, 18, wq, w2>>>(file.shape(), "file");
  auto const own = weights_of(file);
  merged const both(file.shape(), own);
  for (char const* const name : {"wq", "w2"})
    for (int layer = 0; layer < 2; ++layer) {
      auto const& w = *std::ranges::find(file.weights(), name, &weight_info::name);
      auto const before = own.values(w, layer), after = both.values(w, layer);
      auto const a = std::string(name) + ".lora_a", b = std::string(name) + ".lora_b";
      std::vector<float> expected(before.size());
      for (std::size_t i = 0; i < before.size(); ++i) {
        auto const row = i / std::size_t(w.cols), col = i % std::size_t(w.cols);
        expected[i] = float(double(before[i]) + 9 * (double(value(b, layer, row)) * double(value(a, layer, col))));
      }
      CHECK(after == expected);
    }
  CHECK(std::ranges::count(values_of(file, "w2.lora_a", 1), 0.0f) == 52);
  for (auto const format : {dtype::f32, dtype::bf16})
    for (float const x : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      bad = x;
      auto const to = folder.path() / fmt::format("{}{}", facts(format).name, x);
      write_adapter(to, h, format, source, "");
      CHECK_THROWS_WITH(adapter::open(to, h), ContainsSubstring("layers.1.self_attn.q_proj.lora_B.weight: value ") &&
                                                  ContainsSubstring(fmt::format("(expected a finite number, found {})", x)));
    }
}

TEST_CASE("merged and apart are one model") {
  test::temporary_folder const folder;
  auto const file = with_adapter();
  auto const own = weights_of(file);
  merged const source(file.shape(), own);
  auto const h = without_adapter(file.shape());
  write_hugging_face(folder.path() / "hf", h, dtype::f32, source);
  write_gguf((folder.path() / "f32.gguf").string(), {}, h, dtype::f32, source);
  auto const expected = logits<apart>(file);
  double const size = *std::ranges::max_element(expected);
  for (char const* const name : {"hf", "f32.gguf"}) {
    auto const made = checkpoint::open((folder.path() / name).string());
    check_shape<base>(made.shape(), name);
    // Only elements of merged matrices are rounded, by 2^-24 of themselves at most, and so are the 5 products of each of the
    // 2 layers that they are in. What a logit adds up is off by the ten together; twice for what norms and gates make of it.
    CHECK(largest_difference(logits<base>(made), expected) < 2 * 10 * 0x1p-24 * size);
    auto const untouched = made.read("wv", 1), before = file.read("wv", 1);
    CHECK(std::ranges::equal(untouched.bytes, before.bytes));
  }
  CHECK(largest_difference(logits<base>(base_file()), expected) > 0.1);
  CHECK_THROWS_WITH(write_hugging_face(folder.path() / "x", file.shape(), dtype::f32, weights_of(file)),
                    ContainsSubstring("an adapter apart"));
}

TEST_CASE("an adapter that was written is peft's file again") {
  test::temporary_folder const folder;
  auto const file = with_adapter();
  write_adapter(folder.path() / "made", file.shape(), dtype::f32, weights_of(file), "some/model");
  auto again = base_file();
  auto made = adapter::open(folder.path() / "made", again.shape());
  CHECK(made.base_model() == "some/model");
  CHECK((made.shape().rank == 6 && made.shape().alpha == 9));
  again.attach(std::move(made));
  CHECK(logits<apart>(again) == logits<apart>(file));
  io::safetensors const a{io::mapped_file((test::golden("lora/adapter") / "adapter_model.safetensors").string())},
      b{io::mapped_file((folder.path() / "made" / "adapter_model.safetensors").string())};
  REQUIRE(a.tensors().size() == b.tensors().size());
  for (auto const& t : a.tensors()) CHECK(io::as_text(b.tensor(t.name)->bytes) == io::as_text(t.bytes));
  CHECK_THROWS_WITH(write_adapter(folder.path() / "none", base_file().shape(), dtype::f32, weights_of(file), ""),
                    ContainsSubstring("a model with an adapter"));
  CHECK(!fs::exists(folder.path() / "none"));
}

TEST_CASE("a new adapter changes nothing, and begins with the same bits") {
  auto file = base_file();
  adapter_shape const shape{6, 9, {"wq", "wk", "wo", "w1", "w2"}};
  file.attach(adapter::initial(shape, file.shape(), 3));
  CHECK(logits<apart>(file) == logits<base>(base_file()));
  auto const values = values_of(file, "w2.lora_a", 1);
  double const bound = 1 / std::sqrt(52.0);
  CHECK(*std::ranges::max_element(values) > 0.9 * bound);
  CHECK(largest_difference(values, std::vector<float>(values.size())) <= bound);
  auto other = base_file();
  other.attach(adapter::initial(shape, other.shape(), 3));
  CHECK(values_of(other, "w2.lora_a", 1) == values);
  CHECK_THROWS_WITH(adapter::initial({6, 9, {"wq", "w9"}}, other.shape(), 3), ContainsSubstring("found w9"));
  CHECK_THROWS_WITH(adapter::initial({1, 9, {"wq"}}, other.shape(), 3),
                    ContainsSubstring("rank (r) (expected 2 to 16384, found 1)"));
  CHECK_THROWS_WITH(other.attach(adapter::initial(shape, base_file().shape(), 3)), ContainsSubstring("a second one"));
}

TEST_CASE("of a pattern's names for one module the first in order counts") {
  auto const rank_of = [](nlohmann::json const& pattern) {
    auto const text = nlohmann::json{{"r", 6}, {"lora_alpha", 9}, {"rank_pattern", pattern}}.dump();
    auto const file = test::as_file(text, "adapter_config.json");
    auto const object = io::read_json(file);
    llama2::detail::adapter_sizes const sizes(llama2::detail::config_reader(file.path(), object));
    return sizes.of("model.layers.1.self_attn.q_proj").rank;
  };
  CHECK(rank_of({{"q_proj", 2}, {"layers.1.self_attn.q_proj", 3}}) == 3);
  CHECK(rank_of({{"q_proj", 2}, {"layers.0.self_attn.q_proj", 3}}) == 2);
  CHECK(rank_of({{"^model.layers.1.self_attn.q_proj", 4}, {"q_proj", 2}}) == 4);
  CHECK(rank_of({{"^q_proj", 4}, {"_proj", 5}, {"1.self_attn.q_proj", 5}}) == 5);
  CHECK(rank_of({{"^q_proj", 4}, {"_proj", 5}}) == 6);
}

TEST_CASE("scales and what does not fit f32") {
  auto config = test::read_json(test::golden("lora/adapter") / "adapter_config.json");
  auto const weights = test::golden("lora/adapter") / "adapter_model.safetensors";
  auto const opened = [&](char const* member, nlohmann::json const& value) {
    auto changed = config;
    changed[member] = value;
    return adapter(test::as_file(changed.dump(), "adapter_config.json"), io::mapped_file(weights.string()), base_file().shape());
  };
  CHECK(opened("lora_alpha", 12.0).shape().alpha == 12);
  auto const with_half = opened("lora_alpha", 7.5);
  CHECK(with_half.shape().alpha == 6);  // the rank: 7.5 / 6 is in B
  auto const before = opened("lora_alpha", 6);
  auto const &scaled = with_half.weights().at("w2.lora_b")[1], &plain = before.weights().at("w2.lora_b")[1];
  std::vector<float> a(240), b(240);
  decode(scaled.format, scaled.bytes, a), decode(plain.format, plain.bytes, b);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == float(1.25 * double(b[i])));
  CHECK(opened("alpha_pattern", {{"q_proj", 9.0}}).shape().alpha == 9);
  config["lora_alpha"] = 7.5;
  CHECK_THROWS_WITH(adapter(test::as_file(config.dump(), "adapter_config.json"),
                            test::as_file(weights_with(3e38f), "x.safetensors"), base_file().shape()),
                    ContainsSubstring("lora_B.weight: value 2 with its scale (expected a number of f32, found 3.75"));
}

TEST_CASE("what a model lacks is named") {
  auto const file = with_adapter(), without = base_file();
  using other_rank = decoder<nn::adapted<base_config, 4, 9, wq, wk, wo, w1, w2>>;
  using other_alpha = decoder<nn::adapted<base_config, 6, 8, wq, wk, wo, w1, w2>>;
  using fewer = decoder<nn::adapted<base_config, 6, 9, wq>>;
  CHECK_THROWS_WITH(check_shape<apart>(without.shape(), "file"),
                    ContainsSubstring("the weight wq.lora_a (expected it, found none)"));
  CHECK_THROWS_WITH(check_shape<base>(file.shape(), "file"),
                    ContainsSubstring("the weight wq.lora_a (expected none, found it)"));
  CHECK_THROWS_WITH(check_shape<other_rank>(file.shape(), "file"),
                    ContainsSubstring("the weight wq.lora_a (expected [4, 40], found [6, 40])"));
  CHECK_THROWS_WITH(check_shape<other_alpha>(file.shape(), "file"),
                    ContainsSubstring("alpha of the adapter (expected 8, found 9)"));
  CHECK_THROWS_WITH(check_shape<fewer>(file.shape(), "file"),
                    ContainsSubstring("the weight wk.lora_a (expected none, found it)"));
}

TEST_CASE("how A began is no matter where the base stayed as it was") {
  auto const weights = (test::golden("lora/adapter") / "adapter_model.safetensors").string();
  auto const shape = base_file().shape();
  nlohmann::json const began{{"rho", 2.0}, {"tau", 0.99}, {"use_label_mask", true}, {"label_mask_value", -100}, {"whiten", false},
                             {"adjust_scaling_factors", true}};  // as peft writes it
  for (nlohmann::json const& how : {nlohmann::json("eva"), nlohmann::json(true)}) {
    auto config = nlohmann::json::parse(adapter_config("eva_config", began));
    config["init_lora_weights"] = how;
    auto const text = config.dump();
    CHECK_NOTHROW(adapter(test::as_file(text, "adapter_config.json"), io::mapped_file(weights), shape));
  }
}

TEST_CASE("an adapter that is not supported is refused by what it has") {
  struct fault {
    char const* member;
    nlohmann::json value;
    char const* says;
  };
  auto const f = GENERATE(values<fault>({
      {"r", 4, "q_proj.lora_A.weight: shape (expected [4, 40], found [6, 40])"},
      {"r", 0, "rank (r) (expected 1 to 16384, found 0)"},
      {"r", 1u << 30, "rank (r) (expected 1 to 16384, found 1073741824)"},
      {"r", nullptr, "missing member r"},
      {"lora_alpha", -1, "lora_alpha (expected above 0, 16777216 at most, found -1)"},
      {"lora_alpha", 0, "lora_alpha (expected above 0, 16777216 at most, found 0)"},
      {"target_modules", nullptr, "missing member target_modules"},
      {"target_modules", "all-linear",
       "target_modules (expected a list of q_proj, k_proj, v_proj, o_proj, gate_proj, down_proj, up_proj, found "
       "\"all-linear\")"},
      {"target_modules",
       {"q_proj", "lm_head"},
       "target_modules names a module that cannot have an adapter (expected one of q_proj, k_proj"},
      {"target_modules", {"v_proj"}, "layers.0.self_attn.v_proj.lora_A.weight: missing tensor"},
      {"target_modules",
       {"self_attn.q_proj"},
       "tensor is not supported (expected the matrices that adapter_config.json names"},
      {"use_dora", true, "use_dora is not supported (expected false or null, found true)"},
      {"use_rslora", 1, "use_rslora (expected true or false, found 1)"},
      {"bias", "all", "bias is not supported (expected \"none\", found \"all\")"},
      {"lora_bias", true, "lora_bias is not supported"},
      {"fan_in_fan_out", true, "fan_in_fan_out is not supported"},
      {"rank_pattern", {{"q_proj", 3}}, "q_proj.lora_A.weight: shape (expected [3, 40], found [6, 40])"},
      {"rank_pattern", {"q_proj"}, "rank_pattern (expected an object, found [\"q_proj\"])"},
      {"rank_pattern", {{"q_proj", 2.5}}, "rank_pattern: q_proj (expected a whole number, found 2.5)"},
      {"rank_pattern", {{"q_proj", 1 << 15}}, "rank_pattern: q_proj (expected 1 to 16384, found 32768)"},
      {"rank_pattern", {{".*_proj", 3}}, "rank_pattern: not the name of a module (expected letters, digits, _ and ., found"},
      {"rank_pattern", {{std::string(1000, 'q'), 3}}, "rank_pattern: name of a module (expected 80 characters at most, found"},
      {"rank_pattern", {{"q_proj", 512}}, "ranks (expected none above 64 times the smallest, 6, found 512)"},
      {"alpha_pattern", {{"q_proj", "3"}}, "alpha_pattern: q_proj (expected a number, found \"3\")"},
      {"alpha_pattern", {{"q_proj", -1}}, "alpha_pattern: q_proj (expected above 0, 16777216 at most, found -1)"},
      {"modules_to_save", {"lm_head"}, "modules_to_save is not supported"},
      {"layers_to_transform", {1}, "layers_to_transform is not supported"},
      {"init_lora_weights", "pissa", "init_lora_weights is not supported"},
      {"kasa_config", {{"x", 1}}, "kasa_config is not supported"},
      {"peft_type", "IA3", "peft_type is not supported (expected \"LORA\", found \"IA3\")"},
      {"peft_type", nullptr, "missing member peft_type"},
      {"task_type", "SEQ_CLS", "task_type is not supported"},
  }));
  auto const text = adapter_config(f.member, f.value);
  auto const weights = (test::golden("lora/adapter") / "adapter_model.safetensors").string();
  auto const shape = base_file().shape();
  CHECK_THROWS_WITH(adapter(test::as_file(text, "adapter_config.json"), io::mapped_file(weights), shape),
                    ContainsSubstring(f.says));
}

TEST_CASE("an adapter with values that are no finite numbers is refused") {
  test::temporary_folder const folder;
  auto const made = folder.path() / "made";
  fs::copy(test::golden("lora/adapter"), made);
  for (auto const& [value, said] : {std::pair{std::nanf(""), "nan"}, {std::numeric_limits<float>::infinity(), "inf"}}) {
    folder.write("made/adapter_model.safetensors", weights_with(value));
    CHECK_THROWS_WITH(adapter::open(made, base_file().shape()),
                      ContainsSubstring("base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight: value 2 "
                                        "(expected a finite number, found " + std::string(said)));
  }
}

TEST_CASE("an adapter for another model is refused") {
  auto const folder = test::golden("lora/adapter");
  auto shape = base_file().shape();
  CHECK_THROWS_WITH(adapter::open(test::golden("lora"), shape), ContainsSubstring("no adapter_config.json"));
  auto file = base_file();
  shape.layers = 3;
  CHECK_THROWS_WITH(adapter::open(folder, shape),
                    ContainsSubstring("layers.2.self_attn.q_proj.lora_A.weight: missing tensor"));
  shape.layers = 2, shape.hidden = 53;
  CHECK_THROWS_WITH(adapter::open(folder, shape),
                    ContainsSubstring("mlp.gate_proj.lora_B.weight: shape (expected [53, 6], found [52, 6])"));
  CHECK_THROWS_WITH(file.attach(adapter::initial({6, 9, {"w1"}}, shape, 1)),
                    ContainsSubstring("w1.lora_b: the adapter is another model's"));
  CHECK(file.shape().adapter.rank == 0);
}

TEST_CASE("peft reads what was written") {
  test::temporary_folder const folder;
  auto const file = with_adapter();
  write_adapter(folder.path() / "adapter", file.shape(), dtype::f32, weights_of(file), test::golden("lora").string());
  auto gpt2 = checkpoint::open(test::golden("variants/gpt2").string());
  gpt2.attach(adapter::open(test::golden("lora_gpt2/adapter"), gpt2.shape()));
  write_adapter(folder.path() / "gpt2", gpt2.shape(), dtype::f32, weights_of(gpt2), "small-gpt2");
  check_written("peft", folder);
}

TEST_CASE("transformers reads what was merged") {
  test::temporary_folder const folder;
  auto const file = with_adapter();
  write_hugging_face(folder.path() / "merged", without_adapter(file.shape()), dtype::f32,
                     merged(file.shape(), weights_of(file)));
  check_written("transformers", folder);
}
