// Models of six architectures on their way through the layouts: what comes back is what was there, and little memory is
// needed for it.
#include <malloc.h>

#include <cmath>
#include <fstream>
#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/model/adapter.hpp"
#include "cria/model/export.hpp"
#include "support/files.hpp"
#include "support/paths.hpp"
#include "support/python.hpp"
#include "support/torch.hpp"

using namespace cria;
using namespace cria::llama2;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

constexpr std::array<char const*, 6> variants{"llama3", "mistral", "qwen2", "qwen3", "gemma", "gpt2"};

std::string variant(std::string const& name) { return test::golden("variants/" + name).string(); }

std::vector<float> values(checkpoint const& file, weight_place const& p) {
  return weights_of(file).values(p.weight, p.layer);
}

io::safetensors tensors(fs::path const& folder) {
  return io::safetensors(io::mapped_file((folder / "model.safetensors").string()));
}

/// Two folders have the same tensors, bit for bit, but for those of which `near` is true.
void same_tensors(fs::path const& one, fs::path const& two, auto const& near) {
  auto const a = tensors(one), b = tensors(two);
  REQUIRE(a.tensors().size() == b.tensors().size());
  for (auto const& t : a.tensors()) {
    INFO(t.name);
    auto const* const other = b.tensor(t.name);
    REQUIRE(other != nullptr);
    REQUIRE((other->shape == t.shape && other->type == t.type));
    if (!near(t.name))
      REQUIRE(io::as_text(other->bytes) == io::as_text(t.bytes));
    else {
      auto const x = a.values<float>(t.name), y = b.values<float>(t.name);
      for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(std::abs(double(x[i]) - double(y[i])) <= 0x1p-24 + 0x1p-25);
    }
  }
}

void same_weights(checkpoint const& a, checkpoint const& b, dtype through = dtype::f32) {
  REQUIRE(places_of(a.shape()).size() == places_of(b.shape()).size());
  for (auto const& p : places_of(a.shape())) {
    INFO(p.weight.name << " " << p.layer);
    auto expected = values(a, p);
    bool const never_blocks = p.weight.vector || p.weight.name == "position_embed";
    if (!never_blocks || !facts(through).quantised()) decode(through, encode(through, expected), expected);
    REQUIRE((test::raw(values(b, p)) == test::raw(expected)));
  }
}

/// Values that differ from weight to weight and from row to row.
std::vector<float> noise(std::string_view name, int layer, std::size_t count) {
  std::uint64_t state = std::hash<std::string_view>()(name) + std::uint64_t(layer);
  std::vector<float> all(count);
  for (float& x : all) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x = float(std::int32_t(state >> 32)) * 0x1p-32f;
  }
  return all;
}

/// A model without a file: its weights are noise.
whole_weights made_up(hyperparameters const& h) {
  std::map<std::string, std::size_t> sizes;
  for (auto const& w : weights_of(h)) sizes[w.name] = std::size_t(w.rows) * std::size_t(w.cols);
  return whole_weights(
      [sizes](std::string_view name, int layer) { return noise(name, layer, sizes.at(std::string(name))); });
}

/// Bytes of memory that no file stands behind.
long anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::stol(line.substr(8)) * 1024;
  return 0;
}

/// The largest growth of anonymous memory while something is written.
class memory_watch {
 public:
  io::write_watch watch() {
    return [this](std::uint64_t) { most_ = std::max(most_, anonymous_memory()); };
  }
  long growth() const { return most_ - start_; }

 private:
  static long without_rests() {
#if defined(__GLIBC__)
    ::malloc_trim(0);  // what was freed and is kept would be used again, and not be seen
#endif
    return anonymous_memory();
  }
  long start_ = without_rests(), most_ = start_;
};

/// A folder of Meta's in two parts, as the first Llama has it: params.json doesn't count kv heads, nor tokens.
void write_meta(test::temporary_folder const& folder, hyperparameters const& h, weight_source const& source, dtype format) {
  for (int part = 0; part < 2; ++part) {
    std::vector<test::pickle::tensor> list;
    std::vector<std::string> storages;
    for (auto const& p : places_of(h)) {
      auto const& w = p.weight;
      bool const columns = w.name == "wo" || w.name == "w2" || w.name == "embed";
      int const rows = w.vector || columns ? w.rows : w.rows / 2, cols = columns ? w.cols / 2 : w.cols;
      auto const all = source.values(w, p.layer);
      std::vector<float> some;
      for (int r = 0; r < rows; ++r) {
        auto const at = std::size_t(w.vector || columns ? r : part * rows + r) * std::size_t(w.cols) +
                        std::size_t(columns ? part * cols : 0);
        some.insert(some.end(), all.begin() + std::ptrdiff_t(at), all.begin() + std::ptrdiff_t(at) + cols);
      }
      list.push_back({.name = llama2::detail::meta_name(w.name, p.layer),
                      .key = std::to_string(storages.size()),
                      .kind = format == dtype::f16 ? "HalfStorage" : "BFloat16Storage",
                      .stored = rows * cols,
                      .shape = w.vector ? std::vector{cols} : std::vector{rows, cols},
                      .strides = w.vector ? std::vector{1} : std::vector{cols, 1}});
      storages.push_back(test::raw(encode(format, some)));
    }
    folder.write("consolidated.0" + std::to_string(part) + ".pth",
                 test::torch_file(test::pickle::dictionary(list), storages));
  }
  folder.write("params.json", nlohmann::json{{"dim", h.embed},
                                             {"n_layers", h.layers},
                                             {"n_heads", h.heads},
                                             {"multiple_of", 32},
                                             {"norm_eps", h.norm_eps},
                                             {"vocab_size", -1}}
                                  .dump());
}

/// Each architecture as a GGUF, and as a folder made of that, read by a program that is not this one.
void check_written(std::string const& reader) {
  test::temporary_folder const folder;
  for (std::string const name : variants) {
    auto const original = checkpoint::open(variant(name));
    io::gguf_writer no_tokens;
    no_tokens.text("tokenizer.ggml.model", "none");
    auto const gguf = (folder.path() / (name + ".gguf")).string();
    write_gguf(gguf, no_tokens, original.shape(), dtype::f32, weights_of(original));
    auto const between = checkpoint::open(gguf);
    write_hugging_face(folder.path() / name, between.shape(), dtype::f32, weights_of(between));
  }
  test::check_with_python(fs::path(__FILE__).parent_path() / "formats.py", reader,
                          {folder.path().string(), test::golden("variants").string()});
}

}  // namespace

TEST_CASE("from Hugging Face's layout to GGUF and back") {
  std::string const name = GENERATE(from_range(variants));
  test::temporary_folder const folder;
  auto const path = (folder.path() / "f32.gguf").string();
  auto const original = checkpoint::open(variant(name));
  write_gguf(path, {}, original.shape(), dtype::f32, weights_of(original));
  auto const between = checkpoint::open(path);
  write_hugging_face(folder.path() / "again", between.shape(), dtype::f32, weights_of(between));
  // Gemma's norms are 1 + w in GGUF, rounded to f32: off by 2^-24 where that is between 1 and 2; 1 less is exact there,
  // and else is off by less than 2^-25.
  same_tensors(variant(name), folder.path() / "again",
               [&](std::string const& t) { return name == "gemma" && t.find("norm") != t.npos; });
  auto const config = test::read_json(folder.path() / "again/config.json"),
             before = test::read_json(fs::path(variant(name)) / "config.json");
  for (auto const* const member : {"model_type", "architectures", "vocab_size", "tie_word_embeddings"})
    REQUIRE(config.at(member) == before.at(member));
  auto const a = original.shape(), b = checkpoint::open((folder.path() / "again").string()).shape();
  REQUIRE(std::array{a.embed, a.layers, a.heads, a.kv_heads, a.head_dim, a.hidden, a.vocabulary, a.context, a.window} ==
          std::array{b.embed, b.layers, b.heads, b.kv_heads, b.head_dim, b.hidden, b.vocabulary, b.context, b.window});
  REQUIRE(std::array{a.qk_norm, a.qkv_bias, a.wo_bias, a.feed_forward_bias, a.learned_positions, a.tied} ==
          std::array{b.qk_norm, b.qkv_bias, b.wo_bias, b.feed_forward_bias, b.learned_positions, b.tied});
  REQUIRE((a.kind == b.kind && a.norm == b.norm && a.feed_forward == b.feed_forward && a.rope == b.rope));
}

TEST_CASE("what needs no change is copied, and what is encoded comes out the same in pieces") {
  std::string const name = GENERATE(from_range(variants));
  test::temporary_folder const folder;
  auto const original = checkpoint::open(variant(name));
  for (auto const format : {dtype::f32, dtype::bf16, dtype::f16}) {
    auto const one = folder.path() / facts(format).name,
               two = folder.path() / (std::string(facts(format).name) + "-again");
    write_hugging_face(one, original.shape(), format, weights_of(original));
    auto const made = checkpoint::open(one.string());
    same_weights(original, made, format);
    write_hugging_face(two, made.shape(), format, weights_of(made));
    REQUIRE(test::read_text(two / "model.safetensors") == test::read_text(one / "model.safetensors"));
  }
  REQUIRE(test::read_text(folder.path() / "f32/model.safetensors").size() ==
          fs::file_size(fs::path(variant(name)) / "model.safetensors"));
  auto const path = (folder.path() / "f16.gguf").string(), again = (folder.path() / "again.gguf").string();
  write_gguf(path, {}, original.shape(), dtype::f16, weights_of(original), "x");
  auto const made = checkpoint::open(path);
  write_gguf(again, {}, made.shape(), dtype::f16, weights_of(made), "x");
  REQUIRE(test::read_text(path) == test::read_text(again));
}

TEST_CASE("blocks that stay blocks are copied") {
  test::temporary_folder const folder;
  test::tiny_gguf model{.embed = 256, .heads = 4, .kv_heads = 4, .head_dim = 64, .hidden = 256};
  auto const format = GENERATE(dtype::q4_0, dtype::q4_1, dtype::q8_0, dtype::q4_k);
  model.format = [&](std::string const& name) { return name.find("norm") == name.npos ? format : dtype::f32; };
  auto const from = checkpoint::open(folder.write("from.gguf", model.str()));
  auto const to = format == dtype::q4_k ? dtype::q8_0 : format;  // what is read and not written is decoded
  write_gguf((folder.path() / "to.gguf").string(), {}, from.shape(), to, weights_of(from));
  auto const made = checkpoint::open((folder.path() / "to.gguf").string());
  for (auto const& p : places_of(from.shape())) {
    auto const a = from.read(p.weight.name, p.layer), b = made.read(p.weight.name, p.layer);
    if (to == format)
      REQUIRE(io::as_text(b.bytes) == io::as_text(a.bytes));
    else if (!p.weight.vector)
      REQUIRE(io::as_text(b.bytes) == io::as_text(std::span<std::byte const>(encode(to, values(from, p)))));
  }
}

TEST_CASE("tensors of many pieces, and turned ones") {
  test::temporary_folder const folder;
  hyperparameters h{.embed = 960,
                    .layers = 1,
                    .heads = 15,
                    .kv_heads = 15,
                    .head_dim = 64,
                    .hidden = 3840,
                    .vocabulary = 300,
                    .context = 32};
  h.tied = true;
  bool const gpt2 = GENERATE(false, true);
  if (gpt2) {
    h.kind = architecture::gpt2, h.norm = norm_form::layer, h.feed_forward = feed_forward_form::gelu_mlp;
    h.learned_positions = h.qkv_bias = h.wo_bias = h.feed_forward_bias = true;
  }
  auto const source = made_up(h);
  write_hugging_face(folder.path() / "hf", h, dtype::f32, source);
  auto const hf = checkpoint::open((folder.path() / "hf").string());
  auto const format = GENERATE(dtype::f32, dtype::q8_0);
  write_gguf((folder.path() / "x.gguf").string(), {}, h, format, weights_of(hf));
  auto const gguf = checkpoint::open((folder.path() / "x.gguf").string());
  write_hugging_face(folder.path() / "again", gguf.shape(), dtype::f32, weights_of(gguf));
  auto const again = checkpoint::open((folder.path() / "again").string());
  for (auto const& p : places_of(h)) {
    INFO(p.weight.name);
    auto expected = source.values(p.weight, p.layer);
    REQUIRE(values(hf, p) == expected);
    if (!p.weight.vector && p.weight.name != "position_embed") decode(format, encode(format, expected), expected);
    REQUIRE(values(gguf, p) == expected);
    REQUIRE(values(again, p) == expected);
  }
}

TEST_CASE("a large embedding passes through little memory") {
  test::temporary_folder const folder;
  hyperparameters h{.embed = 128,
                    .layers = 1,
                    .heads = 64,
                    .kv_heads = 64,
                    .head_dim = 64,
                    .hidden = 128,
                    .vocabulary = 200'000,
                    .context = 32};
  h.tied = true;
  auto const source = made_up(h);
  auto const from = (folder.path() / "from.gguf").string(), folder_from = (folder.path() / "from").string();
  write_gguf(from, {}, h, dtype::bf16, source),
      write_hugging_face(folder_from, h, dtype::bf16, source);  // 51 MB of embedding
  long const embedding = 200'000 * 128 * 2;
  for (auto const& path : {from, folder_from}) {
    auto const file = checkpoint::open(path);
    for (auto const format : {dtype::bf16, dtype::f32, dtype::q4_0}) {
      memory_watch memory;
      auto const to = (folder.path() / "to.gguf").string();
      write_gguf(to, {}, h, format, weights_of(file), "", memory.watch());
      REQUIRE(memory.growth() <
              embedding / 4);  // f32 of the whole would be twice its bytes; some MB of rows are at work
      same_weights(file, checkpoint::open(to), format == dtype::q4_0 ? dtype::q4_0 : dtype::f32);
    }
    for (auto const format : {dtype::bf16, dtype::f32}) {
      memory_watch memory;
      auto const to = folder.path() / facts(format).name;
      write_hugging_face(to, h, format, weights_of(file), {}, {}, memory.watch());
      REQUIRE(memory.growth() < embedding / 4);
      same_weights(file, checkpoint::open(to.string()), format);  // a GGUF's vectors are f32
      fs::remove_all(to);
    }
  }
}

TEST_CASE("merged parts, turned matrices and an adapter's merge pass through little memory") {
  test::temporary_folder const folder;
  hyperparameters h{.embed = 256,
                    .layers = 1,
                    .heads = 4,
                    .kv_heads = 4,
                    .head_dim = 64,
                    .hidden = 24'576,
                    .vocabulary = 300,
                    .context = 2048};
  std::string const kind = GENERATE("merged parts", "turned matrices", "an adapter");
  auto const path = (folder.path() / "from").string();
  if (kind == "turned matrices") {
    h.kind = architecture::gpt2, h.norm = norm_form::layer, h.feed_forward = feed_forward_form::gelu_mlp;
    h.learned_positions = h.qkv_bias = h.wo_bias = h.feed_forward_bias = h.tied = true;
  }
  auto const source = made_up(h);
  if (kind == "merged parts")
    write_meta(folder, h, source, dtype::bf16);
  else
    write_hugging_face(path, h, dtype::bf16, source);
  auto const opened = kind == "merged parts" ? folder.path().string() : path;
  auto file = checkpoint::open(opened);
  auto const unchanged = checkpoint::open(opened);
  if (kind == "an adapter") file.attach(adapter::initial({8, 8, {"w1", "w2"}}, h, 1));  // its B is 0
  auto const own = weights_of(file);
  merged const both(file.shape(), own);
  weight_source const& from = kind == "an adapter" ? static_cast<weight_source const&>(both) : own;
  long const largest = 24'576L * 256 * 2;  // w1 in bf16, and w2
  for (auto const format : {dtype::bf16, dtype::q8_0}) {
    INFO(kind << ", " << facts(format).name);
    memory_watch memory;
    auto const to = (folder.path() / "to.gguf").string();
    write_gguf(to, {}, h, format, from, "", memory.watch());
    CHECK(memory.growth() < largest);
    same_weights(unchanged, checkpoint::open(to), format == dtype::q8_0 ? dtype::q8_0 : dtype::f32);
    if (format == dtype::q8_0) continue;
    auto const gguf = checkpoint::open(to);
    auto const of_gguf = weights_of(gguf);
    auto const& rows = kind == "turned matrices" ? static_cast<weight_source const&>(of_gguf) : from;  // to be turned
    memory_watch again;
    write_hugging_face(folder.path() / "to", h, format, rows, {}, {}, again.watch());
    CHECK(again.growth() < largest);
    same_weights(unchanged, checkpoint::open((folder.path() / "to").string()), format);
    fs::remove_all(folder.path() / "to");
  }
}

TEST_CASE("a watch that throws leaves nothing") {
  test::temporary_folder const folder;
  auto const file = checkpoint::open(variant("llama3"));
  auto const stop = [](std::uint64_t) { throw error("stopped", "by the watch"); };
  REQUIRE_THROWS_WITH(write_hugging_face(folder.path() / "x", file.shape(), dtype::f32, weights_of(file), {}, {}, stop),
                      "stopped: by the watch");
  REQUIRE_THROWS_WITH(
      write_gguf((folder.path() / "x.gguf").string(), {}, file.shape(), dtype::f32, weights_of(file), "", stop),
      "stopped: by the watch");
  REQUIRE(fs::is_empty(folder.path()));
}

TEST_CASE("Meta's folder, Hugging Face's in several files, and one file hold one model") {
  test::temporary_folder const folder;
  auto const hf = checkpoint::open(test::golden("formats/hugging_face").string());
  REQUIRE(hf.format_name() == "safetensors");
  std::string const name = GENERATE("meta", "meta3");
  auto const meta = checkpoint::open(test::golden("formats/" + name).string());
  auto const &a = hf.shape(), &b = meta.shape();
  REQUIRE(meta.format_name() == "PyTorch");
  REQUIRE(std::array{a.embed, a.layers, a.heads, a.kv_heads, a.head_dim, a.hidden, a.vocabulary} ==
          std::array{b.embed, b.layers, b.heads, b.kv_heads, b.head_dim, b.hidden, b.vocabulary});
  REQUIRE(b.rope.theta == (name == "meta" ? 1e4 : 5e5));
  REQUIRE(b.format_of("w1") == (name == "meta" ? dtype::f32 : dtype::bf16));
  same_weights(hf, meta);
  write_hugging_face(folder.path() / "one", meta.shape(), dtype::f32, weights_of(meta));
  same_weights(hf, checkpoint::open((folder.path() / "one").string()));
  write_gguf((folder.path() / "x.gguf").string(), {}, meta.shape(), dtype::f32, weights_of(meta));
  same_weights(hf, checkpoint::open((folder.path() / "x.gguf").string()));
}

TEST_CASE("parts in 16 bits") {
  test::temporary_folder const folder;
  auto const format = GENERATE(dtype::f16, dtype::bf16);
  auto const whole = checkpoint::open(test::golden("forward/mha").string());
  auto const& h = whole.shape();
  write_meta(folder, h, weights_of(whole), format);
  same_weights(whole, checkpoint::open(folder.path().string()), format);

  auto const layout = hugging_face_layout(h, format);
  nlohmann::json index{{"weight_map", nlohmann::json::object()}};
  fs::create_directory(folder.path() / "hf");
  for (std::size_t part = 0; part < 2; ++part) {
    std::vector<tensor_layout> some;
    std::vector<io::safetensor_plan> plan;
    auto const name = "model-" + std::to_string(part) + ".safetensors";
    for (std::size_t i = part; i < layout.size(); i += 2)
      some.push_back(layout[i]), plan.push_back({layout[i].name, format, layout[i].shape}),
          index["weight_map"][layout[i].name] = name;
    auto const source = weights_of(whole);
    io::write_safetensors((folder.path() / "hf" / name).string(), plan, llama2::detail::source_of(h, source, some));
  }
  folder.write("hf/model.safetensors.index.json", index.dump());
  fs::copy(test::golden("forward/mha") / "config.json", folder.path() / "hf/config.json");
  same_weights(whole, checkpoint::open((folder.path() / "hf").string()), format);
}

TEST_CASE("Llama 3's rule with a factor of 1 comes back from Hugging Face's layout") {
  test::temporary_folder const folder;
  auto h = checkpoint::open(variant("llama3")).shape();
  h.rope.factor = 1;
  write_hugging_face(folder.path() / "x", h, dtype::f32, made_up(h));
  REQUIRE(checkpoint::open((folder.path() / "x").string()).shape().rope == h.rope);
}

TEST_CASE("models that a layout has no words for are refused") {
  test::temporary_folder const folder;
  auto const file = checkpoint::open(variant("llama3"));
  auto const refused = [&](auto const& change, char const* folder_says, char const* gguf_says) {
    auto h = file.shape();
    change(h);
    auto const source = made_up(h);
    auto const hf = folder.path() / "x", gguf = folder.path() / "x.gguf";
    if (folder_says) REQUIRE_THROWS_WITH(write_hugging_face(hf, h, dtype::f32, source), ContainsSubstring(folder_says));
    if (gguf_says)
      REQUIRE_THROWS_WITH(write_gguf(gguf.string(), {}, h, dtype::f32, source), ContainsSubstring(gguf_says));
    REQUIRE(fs::is_empty(folder.path()));
  };
  refused([](auto& h) { h.qkv_bias = true; }, "biases of attention is not what a model of the kind llama can have",
          nullptr);
  refused([](auto& h) { h.qk_norm = true; }, "norms of queries and keys is not",
          "norms of queries and keys is not what a GGUF of the architecture llama can have");
  refused([](auto& h) { h.window = 7, h.qkv_bias = h.wo_bias = true; },
          "biases of attention is not what a model of the kind mistral", nullptr);
  refused([](auto& h) { h.learned_positions = true; }, "table of positions is not", "table of positions is not");
  refused([](auto& h) { h.feed_forward = feed_forward_form::geglu; }, nullptr, "feed-forward part is not");
  refused([](auto& h) { h.norm = norm_form::layer; }, "norm is not", "norm is not");
  refused([](auto& h) { h.adapter = {2, 1, {"wq"}}; }, "an adapter apart", "an adapter apart");
}

TEST_CASE("transformers reads what was written of each architecture") { check_written("transformers"); }
TEST_CASE("gguf-py reads what was written of each architecture") { check_written("gguf"); }
TEST_CASE("llama.cpp reads what was written of each architecture") { check_written("llama_cpp"); }
