#include "cria/model/checkpoint.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/files.hpp"
#include "support/paths.hpp"

using namespace cria;
namespace fs = test::fs;
using namespace cria::llama2;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using test::raw;
using test::tiny_gguf;
using test::tiny_llama2c;

namespace {

std::vector<float> values(weight_values const& w) {
  std::vector<float> out(std::size_t(w.shape[0]) * std::size_t(w.shape[1]));
  decode(w.format, w.bytes, out);
  return out;
}

checkpoint open_gguf(std::string const& bytes) { return checkpoint(io::gguf(test::as_file(bytes))); }

void gguf_refuses(tiny_gguf const& model, std::string const& message) {
  auto const bytes = model.str();
  REQUIRE_THROWS_WITH(open_gguf(bytes), EndsWith(message));
}

/// config.json as transformers 5 writes it.
nlohmann::json good_config() {
  return nlohmann::json::parse(
      R"({"model_type": "llama", "attention_bias": false, "mlp_bias": false, "hidden_act": "silu",
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96,
    "vocab_size": 70, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "tie_word_embeddings": false,
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}})");
}

std::string const no_weights = test::safetensors("{}", "");

void config_refuses(std::string const& member, nlohmann::json const& value, std::string const& message) {
  auto config = good_config();
  config[member] = value;
  auto const bytes = config.dump();
  REQUIRE_THROWS_WITH(checkpoint(io::safetensors(test::as_file(no_weights)), test::as_file(bytes, "config.json")),
                      ContainsSubstring("config.json: " + message));
}

}  // namespace

TEST_CASE("a shape of many axes is cut") {
  std::vector<std::uint64_t> axes(30'000, 1);
  REQUIRE(llama2::detail::extents(axes) == "[1, 1, 1, 1, 1, 1, 1, 1, ...] of 30000 axes");
  axes.resize(8);
  REQUIRE(llama2::detail::extents(axes) == "[1, 1, 1, 1, 1, 1, 1, 1]");
}

TEST_CASE("a GGUF checkpoint gives its shape and weights") {
  auto const bytes = tiny_gguf{}.str();
  auto const file = open_gguf(bytes);
  auto const& s = file.shape();
  REQUIRE(std::array{s.embed, s.layers, s.heads, s.kv_heads, s.head_dim, s.hidden, s.vocabulary, s.context} ==
          std::array{32, 2, 4, 2, 8, 64, 40, 64});
  REQUIRE(s.tied);
  REQUIRE(s.rope.theta == 1e4);
  REQUIRE(s.norm_eps == double(1e-5f));
  REQUIRE(file.format_name() == "GGUF");
  REQUIRE(file.path() == "file");
  REQUIRE(file.gguf()->text("general.architecture") == "llama");
  REQUIRE(file.read("wk", 1).shape == std::array{16, 32});
  REQUIRE(file.read("w2", 0).shape == std::array{32, 64});
  REQUIRE(file.read("norm").shape == std::array{1, 32});
  REQUIRE(values(file.read("embed")) == test::ramp(40 * 32, 13));
  REQUIRE(values(file.read("head")) == test::ramp(40 * 32, 13));
  REQUIRE(file.read("wq", 0).owned.empty());
  file.release("wq", 0);
  REQUIRE(values(file.read("wq", 0)) == test::ramp(32 * 32, 39));
  REQUIRE_THROWS_WITH(file.read("wq", 2), ContainsSubstring("layer (expected 0 to 1, found 2)"));
}

TEST_CASE("weights are in one format per name, f32 where the layers differ") {
  tiny_gguf model{.tied = false};
  model.format = [](std::string const& name) {
    if (name.ends_with("norm.weight")) return dtype::f16;
    if (name == "blk.1.attn_v.weight") return dtype::q8_0;
    if (name == "blk.0.attn_output.weight") return dtype::f16;
    if (name == "output.weight") return dtype::bf16;
    return name == "blk.0.ffn_up.weight" || name == "blk.1.ffn_up.weight" ? dtype::q4_1 : dtype::q4_0;
  };
  auto const bytes = model.str();
  auto const file = open_gguf(bytes);
  auto const format = [&](std::string_view n) { return file.shape().format_of(n); };
  REQUIRE(format("embed") == dtype::q4_0);
  REQUIRE(format("wk") == dtype::q4_0);
  REQUIRE(format("wv") == by_layer<layers_in<1, q8_0>, layers_in<1, q4_0>>::id);
  REQUIRE(format("wo") == dtype::f32);
  REQUIRE(format("w1") == dtype::q4_0);
  REQUIRE(format("w3") == dtype::q4_1);
  REQUIRE(format("head") == dtype::bf16);
  REQUIRE(format("attention_norm") == dtype::f32);
  REQUIRE(file.read("wk", 0).owned.empty());
  REQUIRE((file.read("wv", 0).format == dtype::q4_0 && file.read("wv", 1).format == dtype::q8_0));  // blocks stay as they are
  REQUIRE((file.read("wv", 0).owned.empty() && file.read("wv", 1).owned.empty()));
  auto const as_f32 = file.read("wo", 1);
  REQUIRE(as_f32.format == dtype::f32);
  REQUIRE(as_f32.owned.size() == 32 * 32 * 4);
  std::vector<float> expected(32 * 32);
  decode(dtype::q4_0, file.gguf()->tensor("blk.1.attn_output.weight")->bytes, expected);
  REQUIRE(values(as_f32) == expected);
  REQUIRE(values(file.read("ffn_norm", 1)).size() == 32);
}

TEST_CASE("a width of heads other than width over heads is read") {
  auto const bytes = tiny_gguf{.head_dim = 16}.str();
  auto const file = open_gguf(bytes);
  REQUIRE(file.read("wq", 0).shape == std::array{64, 32});
  REQUIRE(file.read("wk", 0).shape == std::array{32, 32});
  REQUIRE(file.read("wo", 0).shape == std::array{32, 64});
}

TEST_CASE("a GGUF checkpoint the library cannot compute is refused") {
  auto const with = [](auto const& extra) {
    tiny_gguf model;
    model.extra = extra;
    return model;
  };
  gguf_refuses({.leave_out = "blk.1.ffn_up.weight"}, "file: blk.1.ffn_up.weight: missing tensor");
  gguf_refuses({.leave_out = "token_embd.weight"}, "file: missing tensor token_embd.weight");
  gguf_refuses({.kv_heads = 3}, "number of heads (expected a multiple of the 3 kv heads, found 4)");
  gguf_refuses({.head_dim = 7}, "width of a head (expected an even number, for rotary pairs, found 7)");
  gguf_refuses({.layers = 0}, "number of layers (expected 1 to 16777216, found 0)");
  gguf_refuses(with([](auto& w) { w.tensor("rope_freqs.weight", {4}, 0, raw(test::ramp(4))); }),
               "file: factor of the rotary scaling (expected 1 to a million, found -0.65625)");
  gguf_refuses(with([](auto& w) { w.tensor("rope_freqs.weight", {4}, 0, raw(std::vector<float>{1, 8, 1, 1})); }),
               "rope_freqs.weight: value 1 is not supported (expected 1, by the rule of Llama 3, found 8)");
  gguf_refuses(with([](auto& w) { w.tensor("blk.0.ffn_gate_inp.weight", {32}, 0, raw(test::ramp(32))); }),
               "blk.0.ffn_gate_inp.weight: tensor is not supported (expected the weights of the model that the metadata "
               "describes, found another)");
  gguf_refuses(with([](auto& w) { w.tensor("blk.0.attn_q.bias", {32}, 0, raw(test::ramp(32))); }),
               "blk.1.attn_q.bias: missing tensor");
  gguf_refuses(with([](auto& w) { w.string("llama.rope.scaling.type", "linear"); }), "missing key llama.rope.scaling.factor");
  gguf_refuses(with([](auto& w) { w.string("llama.rope.scaling.type", "yarn"); }),
               "llama.rope.scaling.type is not supported (expected none or linear, found yarn)");
  gguf_refuses(with([](auto& w) { w.f32("llama.rope.scale_linear", 2); }),
               "llama.rope.scale_linear is not supported (expected unscaled or linearly scaled rotary angles, found 2)");
  gguf_refuses(with([](auto& w) { w.u32("llama.expert_count", 8); }),
               "llama.expert_count: experts, among which a router chooses (expected none, found 8)");
  gguf_refuses(with([](auto& w) { w.u32("llama.rope.dimension_count", 4); }),
               "llama.rope.dimension_count is not supported (expected 8, found 4)");
  gguf_refuses(with([](auto& w) { w.f32("llama.attention.scale", 0.5f); }),
               "llama.attention.scale: a scale of the scores of its own (expected none, found 0.5)");
  gguf_refuses(with([](auto& w) { w.f32("llama.rope.freq_base", -1); }),
               "rope theta (expected a positive number, found -1)");
  auto const fine = with([](auto& w) { w.string("llama.rope.scaling.type", "none"); }).str();
  REQUIRE(open_gguf(fine).shape().layers == 2);
  auto const scaled = with([](auto& w) {
                        w.string("llama.rope.scaling.type", "linear")
                            .f32("llama.rope.scaling.factor", 4)
                            .u32("llama.attention.sliding_window", 9);
                      }).str();
  REQUIRE(open_gguf(scaled).shape().rope == rotation{.theta = 1e4, .factor = 4});
  REQUIRE(open_gguf(scaled).shape().window == 9);

  tiny_gguf model{.leave_out = "blk.1.attn_k.weight"};
  model.extra = [](auto& w) { w.tensor("blk.1.attn_k.weight", {16, 32}, 0, raw(test::ramp(512))); };
  gguf_refuses(model, "blk.1.attn_k.weight: shape, fastest axis first (expected [32, 16], found [16, 32])");
  model.leave_out = "output_norm.weight";
  model.extra = [](auto& w) { w.tensor("output_norm.weight", {256}, 14, std::string(210, 'x')); };
  gguf_refuses(model, "output_norm.weight: shape, fastest axis first (expected [32], found [256])");
  tiny_gguf wide{.embed = 256, .head_dim = 64, .leave_out = "blk.0.ffn_gate.weight"};
  wide.extra = [](auto& w) { w.tensor("blk.0.ffn_gate.weight", {256, 64}, 10, std::string(84 * 64, 'x')); };
  gguf_refuses(
      wide,
      "blk.0.ffn_gate.weight: type (expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K, found Q2_K)");

  auto const other = test::gguf_writer().string("general.architecture", "mamba").str();
  REQUIRE_THROWS_WITH(open_gguf(other),
                      EndsWith("general.architecture (expected one of llama, mistral, qwen2, qwen3, gemma, gpt2, found mamba)"));
  auto const bare = test::gguf_writer().string("general.architecture", "llama").str();
  REQUIRE_THROWS_WITH(open_gguf(bare), EndsWith("missing key llama.embedding_length"));
}

TEST_CASE("a part of a GGUF says which it is") {
  tiny_gguf first;
  first.extra = [](auto& w) { w.u32("split.no", 0).u32("split.count", 3); };
  gguf_refuses(first, "file: is part 1 of 3 of a GGUF; merge the parts with llama-gguf-split --merge");
  auto const last = test::gguf_writer().u32("split.no", 2).u32("split.count", 3).str();
  REQUIRE_THROWS_WITH(open_gguf(last), EndsWith("file: is part 3 of 3 of a GGUF; merge the parts with llama-gguf-split --merge"));
  tiny_gguf merged;
  merged.extra = [](auto& w) { w.u32("split.count", 0); };
  auto const bytes = merged.str();
  REQUIRE(open_gguf(bytes).shape().layers == 2);
}

TEST_CASE("a llama2.c checkpoint gives its shape and weights") {
  auto const bytes = tiny_llama2c{.tied = false}.str();
  checkpoint const file(io::llama2c(test::as_file(bytes)));
  REQUIRE(file.shape().rope.theta == 1e4);
  REQUIRE(file.shape().norm_eps == 1e-5);
  REQUIRE(file.format_name() == "llama2.c");
  REQUIRE(file.gguf() == nullptr);
  REQUIRE(values(file.read("attention_norm", 1)) == test::ramp(32, 39));
  REQUIRE(values(file.read("embed")) != values(file.read("head")));
}

TEST_CASE("int8 groups of llama2.c become blocks of 32, or f32 where they don't fit") {
  int const group = GENERATE(64, 32, 16);
  auto const bytes = tiny_llama2c{.group = group}.str();
  io::llama2c const direct(test::as_file(bytes));
  checkpoint const file(io::llama2c(test::as_file(bytes)));
  REQUIRE(file.shape().format_of("wk") == (group == 16 ? dtype::f32 : dtype::q8_f32));
  REQUIRE(file.shape().format_of("norm") == dtype::f32);
  auto const read = values(file.read("wk", 1));
  auto const& stored = direct.at(io::llama2c_tensor::wk, 1);
  for (std::size_t i = 0; i < read.size(); ++i) {
    float scale = 0;
    std::memcpy(&scale, stored.scales.data() + i / std::size_t(group) * 4, 4);
    REQUIRE(read[i] == scale * float(std::int8_t(stored.bytes[i])));
  }
  file.release("wk", 1);
}

TEST_CASE("Hugging Face folders are read, by either generation of config.json") {
  for (auto const& entry : test::fs::directory_iterator(test::golden_file("forward"))) {
    INFO(entry.path());
    auto const file = checkpoint::open(entry.path().string());
    auto const& s = file.shape();
    auto const config = test::read_json(entry.path() / "config_v4.json");
    REQUIRE(s.embed == config["hidden_size"]);
    REQUIRE(s.head_dim == config["head_dim"]);
    REQUIRE(s.kv_heads == config["num_key_value_heads"]);
    REQUIRE(s.rope.theta == config["rope_theta"]);
    REQUIRE(s.tied == config["tie_word_embeddings"]);
    REQUIRE(file.format_name() == "safetensors");

    checkpoint const old(io::safetensors(io::mapped_file((entry.path() / "model.safetensors").string())),
                         (entry.path() / "config_v4.json").string());
    REQUIRE(old.shape().rope.theta == s.rope.theta);
    REQUIRE(old.shape().context == s.context);
    REQUIRE(checkpoint::open((entry.path() / "model.safetensors").string()).shape().hidden == s.hidden);

    io::safetensors const direct{io::mapped_file((entry.path() / "model.safetensors").string())};
    auto const stored = direct.values<float>("model.layers.1.self_attn.k_proj.weight");
    auto const read = values(file.read("wk", 1));
    auto const d = std::size_t(s.head_dim), width = std::size_t(s.embed);
    for (std::size_t h = 0; h < std::size_t(s.kv_heads); ++h)  // meta = hf.view(H, 2, d / 2, D).transpose(1, 2)
      for (std::size_t i = 0; i < d / 2; ++i)
        for (std::size_t part = 0; part < 2; ++part)
          for (std::size_t c = 0; c < width; ++c)
            REQUIRE(read[(h * d + 2 * i + part) * width + c] == stored[(h * d + part * (d / 2) + i) * width + c]);
    REQUIRE(values(file.read("wv", 1)) == direct.values<float>("model.layers.1.self_attn.v_proj.weight"));
    if (s.tied) REQUIRE(values(file.read("head")) == values(file.read("embed")));
  }
}

TEST_CASE("a config.json the library cannot compute is refused") {
  config_refuses("model_type", "mixtral",
                 "model_type is not supported (expected one of llama, mistral, qwen2, qwen3, gemma, gpt2, found \"mixtral\")");
  config_refuses("hidden_act", "gelu", "hidden_act is not supported (expected silu or gelu_pytorch_tanh, found \"gelu\")");
  config_refuses("rope_scaling", {{"type", "linear"}}, "rope_scaling: missing member factor");
  config_refuses("rope_scaling", {{"type", "yarn"}},
                 "rope_scaling: rope_type is not supported (expected default, linear or llama3, found \"yarn\")");
  config_refuses("rope_parameters",
                 {{"rope_type", "llama3"},
                  {"factor", 8.0},
                  {"low_freq_factor", 4.0},
                  {"high_freq_factor", 1.0},
                  {"original_max_position_embeddings", 32}},
                 "rotary scaling (expected an original context and 0 < low < high frequency factor, found 32, 4 and 1)");
  config_refuses("hidden_size", nullptr, "missing member hidden_size");
  config_refuses("hidden_size", "64", "hidden_size (expected a whole number, found \"64\")");
  config_refuses("hidden_size", 1u << 31, "hidden_size (expected a whole number from 0 to 1073741824, found 2147483648)");
  config_refuses("num_hidden_layers", -1, "num_hidden_layers (expected a whole number from 0 to 1073741824, found -1)");
  config_refuses("num_attention_heads", 0, "number of heads (expected 1 or more, found 0)");
  config_refuses("num_attention_heads", 3, "hidden_size (expected a multiple of the 3 heads, found 64)");
  config_refuses("num_key_value_heads", 3, "number of heads (expected a multiple of the 3 kv heads, found 4)");
  config_refuses("rms_norm_eps", 2, "epsilon of the norms (expected 0 to 1, found 2)");
}

TEST_CASE("all that a model would take is named at once") {
  auto const says = [](nlohmann::json const& change, std::vector<std::string> const& parts) {
    auto config = good_config();
    config.update(change);
    auto const bytes = config.dump();
    std::string said;
    try {
      checkpoint(io::safetensors(test::as_file(no_weights)), test::as_file(bytes, "config.json"));
    } catch (error const& e) {
      said = e.what();
    }
    INFO(said);
    REQUIRE(said.starts_with("config.json: "));
    for (auto const& part : parts) REQUIRE(said.find(part) != said.npos);
    REQUIRE(std::size_t(std::ranges::count(said, ';')) == parts.size() - 1);
  };
  says({{"model_type", "mixtral"}, {"num_local_experts", 8}},
       {"model_type is not supported", "num_local_experts: experts, among which a router chooses (expected none, found 8)"});
  says({{"rope_parameters", {{"rope_type", "yarn"}, {"rope_theta", 1e4}, {"factor", 4.0}}}},
       {"rope_parameters: rope_type is not supported (expected default, linear or llama3, found \"yarn\")"});
  says({{"model_type", "gemma2"},
        {"attn_logit_softcapping", 50.0},
        {"final_logit_softcapping", 30.0},
        {"query_pre_attn_scalar", 16},
        {"layer_types", {"sliding_attention", "full_attention"}}},
       {"model_type", "attn_logit_softcapping: a soft cap on the scores", "final_logit_softcapping", "query_pre_attn_scalar",
        "layer_types"});
  says({{"model_type", "phi"}, {"partial_rotary_factor", 0.5}, {"hidden_act", "gelu"}, {"layer_norm_eps", 1e-5}},
       {"model_type", "partial_rotary_factor: rotation of a part of each head (expected none, found 0.5)", "hidden_act",
        "layer_norm_eps"});
  says({{"model_type", "qwen2"}, {"use_sliding_window", true}, {"sliding_window", 8}, {"max_window_layers", 1}},
       {"use_sliding_window is not supported in some layers only"});
  says({{"model_type", "mamba"}, {"state_size", 16}, {"num_attention_heads", nullptr}},
       {"model_type", "state_size: state spaces", "missing member num_attention_heads"});
  says({{"partial_rotary_factor", 1.0}, {"num_experts", 0}, {"logit_scale", 1}, {"quantization_config", {{"bits", 4}}}},
       {"quantization_config"});
  auto const gguf = test::gguf_writer()
                        .string("general.architecture", "gemma2")
                        .f32("gemma2.attn_logit_softcapping", 50)
                        .f32("gemma2.final_logit_softcapping", 30)
                        .u32("gemma2.expert_count", 0)
                        .str();
  REQUIRE_THROWS_WITH(
      open_gguf(gguf),
      EndsWith("found gemma2); gemma2.attn_logit_softcapping: a soft cap on the scores of attention (expected none, found 50); "
               "gemma2.final_logit_softcapping: a soft cap on the logits (expected none, found 30)"));
}

TEST_CASE("without model_type the class says what the model is") {
  auto config = good_config();
  config.erase("model_type");
  auto const refuses = [&](nlohmann::json const& classes, std::string const& found) {
    config["architectures"] = classes;
    auto const bytes = config.dump();
    REQUIRE_THROWS_WITH(llama2::detail::read_shape(test::as_file(bytes, "config.json")),
                        EndsWith("GemmaForCausalLM, GPT2LMHeadModel, found " + found + ")"));
  };
  refuses(nlohmann::json::array({"MixtralForCausalLM"}), R"("MixtralForCausalLM")");
  refuses(nlohmann::json::array(), "[]");
  refuses({"LlamaForCausalLM", "MixtralForCausalLM"}, R"(["LlamaForCausalLM","MixtralForCausalLM"])");
  refuses(nlohmann::json::array({1}), "1");
  config["architectures"] = {"Qwen3ForCausalLM"};
  auto const qwen = config.dump();
  REQUIRE(llama2::detail::read_shape(test::as_file(qwen, "config.json")).qk_norm);
  config.erase("architectures");
  auto const llama = config.dump();
  REQUIRE(llama2::detail::read_shape(test::as_file(llama, "config.json")).kind == architecture::llama);
}

TEST_CASE("windows are those of all layers, or none") {
  auto const window = [](nlohmann::json const& change) {
    auto config = good_config();
    config["sliding_window"] = 8, config.update(change);
    auto const bytes = config.dump();
    return llama2::detail::read_shape(test::as_file(bytes, "config.json")).window;
  };
  nlohmann::json const full{"full_attention", "full_attention"}, sliding{"sliding_attention", "sliding_attention"},
      mixed{"full_attention", "sliding_attention"};
  for (char const* const kind : {"llama", "mistral", "qwen2", "qwen3"})
    for (bool const used : {false, true})
      REQUIRE_THROWS_WITH(window({{"model_type", kind}, {"use_sliding_window", used}, {"layer_types", mixed}}),
                          ContainsSubstring("windows in some layers only, is not supported (expected full_attention in all "
                                            "layers, found [\"full_attention\",\"sliding_attention\"])"));
  REQUIRE_THROWS_WITH(window({{"layer_types", sliding}}), ContainsSubstring("windows in some layers only"));
  REQUIRE_THROWS_WITH(window({{"layer_types", "full_attention"}}), ContainsSubstring("windows in some layers only"));
  REQUIRE_THROWS_WITH(window({{"layer_types", {"linear_attention", "linear_attention"}}}),
                      ContainsSubstring("attention of several kinds"));
  REQUIRE(window({{"model_type", "mistral"}}) == 8);
  REQUIRE(window({{"model_type", "mistral"}, {"layer_types", sliding}}) == 8);
  for (char const* const kind : {"qwen2", "qwen3"}) {
    auto const used = [&](nlohmann::json change) {
      change["model_type"] = kind, change["use_sliding_window"] = true;
      return window(change);
    };
    REQUIRE(window({{"model_type", kind}}) == 0);
    REQUIRE(used({{"max_window_layers", 0}}) == 8);
    REQUIRE(used({{"max_window_layers", 0}, {"layer_types", full}}) == 0);
    REQUIRE(used({{"layer_types", sliding}}) == 8);
    REQUIRE(used({{"max_window_layers", 2}}) == 0);  // from the third of two layers on
    REQUIRE(used({}) == 0);                          // from the 29th
    REQUIRE_THROWS_WITH(used({{"max_window_layers", 1}}), ContainsSubstring("in some layers only"));
  }
}

TEST_CASE("what config.json doesn't say is as transformers has it") {
  auto const shape = [](char const* kind, nlohmann::json const& change) {
    auto config = good_config();
    config["max_position_embeddings"] = 8192, config["model_type"] = kind;
    if (!change.is_null()) config.update(change);
    auto const bytes = config.dump();
    return llama2::detail::read_shape(test::as_file(bytes, "config.json"));
  };
  REQUIRE(shape("mistral", {}).window == 4096);
  REQUIRE(shape("mistral", {{"sliding_window", nullptr}}).window == 0);
  REQUIRE(shape("mistral", {{"max_position_embeddings", 4096}}).window == 0);
  REQUIRE(shape("llama", {}).window == 0);
  REQUIRE(shape("qwen2", {{"use_sliding_window", true}, {"max_window_layers", 0}}).window == 4096);
  REQUIRE(shape("qwen3", {}).window == 0);
  REQUIRE(shape("gemma", {{"hidden_act", nullptr}}).feed_forward == feed_forward_form::geglu);
  REQUIRE(shape("gemma", {{"hidden_act", "gelu"}, {"use_bidirectional_attention", false}}).feed_forward ==
          feed_forward_form::geglu);
  REQUIRE(shape("llama", {{"hidden_act", nullptr}}).feed_forward == feed_forward_form::swiglu);
  REQUIRE_THROWS_WITH(shape("gemma", {{"use_bidirectional_attention", true}}),
                      EndsWith("use_bidirectional_attention: attention to what comes after (expected none, found true)"));
}

TEST_CASE("what params.json doesn't say of the rotation and the context is as Meta's programs have it") {
  auto const read = [](int dim, int layers, int vocabulary, nlohmann::json const& params) {
    hyperparameters h{.embed = dim, .layers = layers, .vocabulary = vocabulary};
    llama2::detail::read_meta_rope(llama2::detail::config_reader("params.json", params), h);
    return h;
  };
  nlohmann::json const scaled{{"rope_theta", 5e5}, {"use_scaled_rope", true}};
  REQUIRE(read(4096, 32, 128256, scaled).rope ==
          rotation{.theta = 5e5, .factor = 8, .low = 1, .high = 4, .original_context = 8192});
  REQUIRE(read(4096, 32, 128256, scaled).context == 131072);
  REQUIRE(read(2048, 16, 128256, scaled).rope.factor == 32);  // Llama 3.2 1B
  REQUIRE(read(3072, 28, 128256, scaled).rope.factor == 32);  // and 3B
  REQUIRE(read(2048, 28, 128256, scaled).rope.factor == 8);
  REQUIRE(read(2048, 16, 128256, {{"use_scaled_rope", true}, {"rope_scaling_factor", 4}}).rope.factor == 4);
  REQUIRE(read(2048, 16, 128256, {{"rope_theta", 5e5}}).rope == rotation{.theta = 5e5});
  REQUIRE(read(4096, 32, 128256, {{"rope_theta", 5e5}}).context == 8192);
  REQUIRE(read(4096, 32, 32016, {{"rope_theta", 1e6}}).context == 16384);  // Code Llama
  REQUIRE(read(4096, 32, 32000, nlohmann::json::object()).context == 4096);
}

TEST_CASE("what is no Llama in Meta's layout is named before its weights are opened") {
  test::temporary_folder const folder;
  auto params = nlohmann::json{{"dim", 24}, {"n_layers", 2}, {"n_heads", 4}};
  auto const refuses = [&](nlohmann::json const& change, std::string const& message) {
    auto changed = params;
    changed.update(change);
    folder.write("params.json", changed.dump());
    REQUIRE_THROWS_WITH(checkpoint::open(folder.path().string()), ContainsSubstring(message));
  };
  refuses({{"moe", {{"num_experts", 8}}}}, "params.json: moe: experts, among which a router chooses (expected none, found {");
  refuses({{"quantization_args", {{"group_size", 32}}}, {"lora_args", {{"rank", 16}}}},
          "params.json: quantization_args: weights that were quantised for other programs (expected none, found "
          "{\"group_size\":32}); lora_args: ");
  refuses({{"moe", nullptr}, {"quantization_args", nullptr}, {"vision_chunk_size", -1}}, "consolidated.00.pth: cannot be opened");
}

TEST_CASE("links that lead nowhere are named") {
  test::temporary_folder const folder;
  auto const loop = [&](char const* name) {
    fs::create_symlink(name, folder.path() / name);
    return (folder.path() / name).string();
  };
  REQUIRE_THROWS_WITH(checkpoint::open(loop("a.gguf")), ContainsSubstring("a.gguf: cannot be opened: Too many levels"));
  loop("model.safetensors");
  REQUIRE_THROWS_WITH(checkpoint::open(folder.path().string()), ContainsSubstring("model.safetensors: cannot be opened: Too"));
  REQUIRE_THROWS_WITH(adapter::open(loop("b"), {}), ContainsSubstring("b"));
}

TEST_CASE("a Hugging Face folder that lacks something is refused") {
  test::temporary_folder const folder;
  auto const path = folder.path().string();
  REQUIRE_THROWS_WITH(checkpoint::open(path), ContainsSubstring("consolidated.00.pth, found neither)"));
  folder.write("model.safetensors.index.json", "{}");
  REQUIRE_THROWS_WITH(checkpoint::open(path), ContainsSubstring("weight_map (expected a JSON object"));
  auto const model = folder.write("model.safetensors", no_weights);
  REQUIRE_THROWS_WITH(checkpoint::open(path), ContainsSubstring("config.json: cannot be opened"));
  folder.write("config.json", good_config().dump());
  REQUIRE_THROWS_WITH(checkpoint::open(model),
                      EndsWith("model.safetensors: model.embed_tokens.weight: missing tensor"));
  auto const embedding = [&](std::string const& type, std::size_t rows, std::string const& data) {
    auto const size = std::to_string(data.size());
    folder.write("model.safetensors",
                 test::safetensors(R"({"model.embed_tokens.weight": {"dtype": ")" + type + R"(", "shape": [)" +
                                       std::to_string(rows) + R"(, 64], "data_offsets": [0, )" + size + "]}}",
                                   data));
  };
  embedding("F32", 69, std::string(69 * 64 * 4, 'x'));
  REQUIRE_THROWS_WITH(checkpoint::open(path),
                      EndsWith("model.embed_tokens.weight: shape (expected [70, 64], found [69, 64])"));
  embedding("F64", 70, std::string(70 * 64 * 8, 'x'));
  REQUIRE_THROWS_WITH(checkpoint::open(path),
                      EndsWith("model.embed_tokens.weight: type (expected F32, F16 or BF16, found F64)"));
}

TEST_CASE("what is no checkpoint is refused") {
  test::temporary_folder const folder;
  REQUIRE_THROWS_WITH(checkpoint::open(folder.write("a", "")),
                      ContainsSubstring("not a checkpoint") && ContainsSubstring("found an empty file"));
  REQUIRE_THROWS_WITH(checkpoint::open(folder.write("b", "#!/bin/sh\n")), ContainsSubstring("found \"#!/bin/s\""));
  REQUIRE_THROWS_WITH(checkpoint::open((folder.path() / "c").string()), ContainsSubstring("cannot be opened"));
}

TEST_CASE("the default model is read in its own formats") {
  auto const file = checkpoint::open(test::smollm2_file().string());
  auto const& s = file.shape();
  REQUIRE(std::array{s.embed, s.layers, s.heads, s.kv_heads, s.head_dim, s.hidden, s.vocabulary, s.context} ==
          std::array{576, 30, 9, 3, 64, 1536, 49152, 8192});
  REQUIRE(s.rope.theta == 1e5);
  REQUIRE(s.tied);
  REQUIRE(s.format_of("head") == dtype::q8_0);
  REQUIRE(s.format_of("w2") == dtype::q4_1);
  REQUIRE(file.read("w2", 29).bytes.size() == bytes_of(dtype::q4_1, 576 * 1536));
}
