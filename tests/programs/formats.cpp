// convert and typegen on files of every kind that is read.

#include "cria/model/export.hpp"
#include "cria/text.hpp"
#include "process.hpp"
#include "support/files.hpp"

using namespace cria;
using namespace cria::test;

namespace {

outcome convert(std::string const& from, std::string const& to, std::string const& dtype,
                std::vector<std::string> more = {}) {
  for (auto const& a : {std::string("--model"), from, std::string("--out"), to, std::string("--dtype"), dtype})
    more.push_back(a);
  return run("convert", more);
}

/// A GGUF of a variant, in f32.
std::string gguf_of(temporary_folder const& folder, std::string const& variant) {
  auto const file = llama2::checkpoint::open(golden("variants/" + variant).string());
  auto const path = (folder.path() / (variant + ".gguf")).string();
  llama2::write_gguf(path, {}, file.shape(), dtype::f32, llama2::weights_of(file));
  return path;
}

/// The declarations in which a type differs from llama2::config, and the formats, as typegen prints them.
void check_type(std::string const& file, std::vector<std::string> const& parts) {
  auto const o = run("typegen", {"--model", file, "--name", "my_model"});
  INFO(file << "\n" << o.err << o.out);
  CHECK(o.code == 0);
  CHECK(o.out.find("struct my_model : cria::llama2::config<") != o.out.npos);
  CHECK(o.out.find("// residual: norms before the parts") != o.out.npos);
  for (auto const& part : parts) CHECK(o.out.find(part) != o.out.npos);
}

}  // namespace

TEST_CASE("convert takes weights and tokenizer along, both ways") {
  temporary_folder const folder;
  auto const at = [&](char const* name) { return (folder.path() / name).string(); };
  auto const tokenizer = stories260k_file("tok512.bin").string(), model = stories260k_file("stories260K.bin").string();
  auto const first = convert(model, at("hf"), "f32", {"--tokenizer", tokenizer});
  INFO(first.err);
  REQUIRE(first.code == 0);
  CHECK(first.err.empty());  // no terminal, no progress
  CHECK(first.out.starts_with(at("hf") + ": 1.0 MB in f32, from " + model + " (llama2.c), in "));
  REQUIRE(convert(at("hf"), at("x.gguf"), "f32").code == 0);
  REQUIRE(convert(at("x.gguf"), at("again"), "f32").code == 0);
  CHECK(read_text(folder.path() / "again/model.safetensors") == read_text(folder.path() / "hf/model.safetensors"));
  CHECK(read_json(folder.path() / "again/config.json") == read_json(folder.path() / "hf/config.json"));
  CHECK(read_json(folder.path() / "hf/config.json").at("bos_token_id") == 1);
  auto const said = text::open_tokenizer(tokenizer)->encode("Once upon a time");
  for (char const* const name : {"hf", "x.gguf", "again"})
    CHECK(text::open_tokenizer(at(name))->encode("Once upon a time") == said);
  REQUIRE(convert(at("x.gguf"), at("small.gguf"), "q4_0").code == 0);
  CHECK(llama2::checkpoint::open(at("small.gguf")).shape().format_of("wq").only() == dtype::q4_0);
}

TEST_CASE("convert names a GGUF after the whole name of a folder, and a file's without its kind") {
  temporary_folder const folder;
  auto const name_of = [&](std::string const& from) {
    auto const to = (folder.path() / "made.gguf").string();
    REQUIRE(convert(from, to, "f32").code == 0);
    std::string const name(io::gguf(io::mapped_file(to)).text("general.name").value());
    fs::remove(to);
    return name;
  };
  auto const from = folder.path() / "Qwen2.5-0.5B";
  fs::copy(golden("variants/qwen3"), from);
  CHECK(name_of(from.string()) == "Qwen2.5-0.5B");
  CHECK(name_of(from.string() + "/") == "Qwen2.5-0.5B");
  fs::copy(stories260k_file("stories260K.bin"), folder.path() / "v1.5.bin");
  CHECK(name_of((folder.path() / "v1.5.bin").string()) == "v1.5");
}

TEST_CASE("convert says what has no place in the new files") {
  temporary_folder const folder;
  auto const at = [&](char const* name) { return (folder.path() / name).string(); };
  auto const none = convert(golden("variants/qwen3").string(), at("a.gguf"), "q8_0");
  CHECK(none.code == 0);
  CHECK(none.err.find("there is no tokenizer beside the weights") != none.err.npos);
  CHECK(none.err.find("matrices are f16: their rows are no whole number of blocks") != none.err.npos);
  fs::copy(golden("variants/gpt2"), folder.path() / "gpt2");
  fs::copy(golden("tokenizers/llama2"), folder.path() / "gpt2", fs::copy_options::recursive);
  auto const left_out = convert(at("gpt2"), at("b.gguf"), "f32");
  CHECK(left_out.code == 0);
  CHECK(left_out.err.find("the tokenizer is left out: ") != left_out.err.npos);
  CHECK(llama2::checkpoint::open(at("b.gguf")).shape().kind == llama2::architecture::gpt2);
}

TEST_CASE("convert looks into what it takes along") {
  temporary_folder const folder;
  auto const from = folder.path() / "from";
  fs::create_directory(from);
  for (auto const& part : fs::directory_iterator(golden("variants/qwen3")))
    if (part.is_regular_file()) fs::copy(part.path(), from);
  auto const left_out = [&](std::string const& part) {
    auto const to = (folder.path() / "to").string();
    auto const o = convert(from.string(), to, "f32");
    INFO(o.err);
    CHECK(o.code == 0);
    CHECK(o.err.find(part) != o.err.npos);
    CHECK_FALSE(fs::exists(fs::path(to) / "generation_config.json"));
    fs::remove_all(to);
  };
  folder.write("from/generation_config.json", "{\"eos_token_id\": 2");
  left_out("generation_config.json is left out: " + (from / "generation_config.json").string() + ": not JSON at byte");
  folder.write("from/generation_config.json", "[]");
  left_out("content (expected a JSON object, found array)");
  folder.write("from/generation_config.json", std::string(2 << 20, ' ') + "{}");
  left_out("size (expected at most 1048576 bytes, found 2097154)");
  fs::remove(from / "generation_config.json");
  fs::create_symlink("generation_config.json", from / "generation_config.json");
  left_out("generation_config.json: cannot be opened: Too many levels of symbolic links");
  fs::remove(from / "generation_config.json");
  folder.write("from/generation_config.json", "{\"eos_token_id\": 2}");
  REQUIRE(convert(from.string(), (folder.path() / "to").string(), "f32").code == 0);
  CHECK(read_text(folder.path() / "to/generation_config.json") == "{\"eos_token_id\": 2}");
}

TEST_CASE("convert merges an adapter") {
  temporary_folder const folder;
  auto const to = (folder.path() / "merged").string();
  auto const o = convert(golden("lora").string(), to, "f32", {"--adapter", golden("lora/adapter").string()});
  INFO(o.err);
  REQUIRE(o.code == 0);
  auto const before = llama2::checkpoint::open(golden("lora").string()), after = llama2::checkpoint::open(to);
  CHECK(after.shape().adapter.rank == 0);
  CHECK_FALSE(std::ranges::equal(before.read("wq", 0).bytes, after.read("wq", 0).bytes));
  CHECK(std::ranges::equal(before.read("wv", 0).bytes, after.read("wv", 0).bytes));
}

TEST_CASE("what convert refuses leaves nothing") {
  temporary_folder const folder;
  auto const model = stories260k_file("stories260K.bin").string(), tokenizer = stories260k_file("tok512.bin").string();
  auto const to = (folder.path() / "x").string();
  auto const refused = [&](std::string const& from, std::string const& out, std::string const& dtype,
                           std::string const& part, std::vector<std::string> more = {}) {
    for (auto const& a : {std::string("--model"), from, std::string("--out"), out, std::string("--dtype"), dtype})
      more.push_back(a);
    check_refused("convert", more, part);
    CHECK(fs::is_empty(folder.path()));
  };
  refused(model, to, "q8_0", "blocks have no place in Hugging Face's layout");
  refused(model, to, "q4_k", "--dtype");
  refused("none", to, "f32", "none");
  refused(golden("variants/qwen3").string(), to, "f32", "is not this model's (expected at most 97 tokens, found 512)",
          {"--tokenizer", tokenizer});
  refused(golden("variants/gpt2").string(), to, "f32", "target_modules names a module that cannot have an adapter",
          {"--adapter", golden("lora/adapter").string()});
  for (auto const* const from : {model.c_str(), "none"})  // before anything is read, or said of the tokenizer
    refused(from, (folder.path() / "no/such/x.gguf").string(), "f32", "x.gguf: cannot be written: No such file");
  refused(model, "", "f32", "cannot be made (expected a new name, found an empty one)");
  refused(golden("variants/gpt2").string(), model + "/x", "f32", "cannot be written: Not a directory");
  refused(golden("lora").string(), to, "f32", "not an adapter", {"--adapter", golden("variants/gpt2").string()});
  check_refused("convert", {"--model", model, "--out", folder.path().string(), "--dtype", "f32"},
                "cannot be made (expected a new name, found one that is there already)");
  check_refused("convert", {"--model", model, "--dtype", "f32"}, "--out is required");
  fs::create_symlink("loop", folder.path() / "loop");
  auto const loop = (folder.path() / "loop").string();
  check_refused("convert", {"--model", loop, "--out", to, "--dtype", "f32"}, "loop: cannot be opened: Too many levels");
  check_refused("convert", {"--model", model, "--out", loop + "/x", "--dtype", "f32"}, "cannot be written: Too many levels");
  check_refused("convert", {"--model", model, "--tokenizer", loop, "--out", to, "--dtype", "f32"}, "Too many levels");
  check_refused("typegen", {"--model", loop}, "loop: cannot be opened: Too many levels");
}

TEST_CASE("typegen writes the type of every kind of file") {
  temporary_folder const folder;
  std::vector<std::pair<std::string, std::vector<std::string>>> const expected{
      {"llama3",
       {"rope_scaling{.factor = 8.0, .low = 1.0, .high = 4.0, .original_context = 32};  // position: stretched by the "
        "rule of Llama 3",
        "// head: a matrix of its own"}},
      {"mistral", {"static constexpr int window = 7;  // attention: a row sees the last positions only"}},
      {"qwen2",
       {"linear_with_biases<cria::llama2::wq, cria::llama2::wk, cria::llama2::wv>", "rope_theta = 1000000.0;",
        "// head: the embedding"}},
      {"qwen3", {"attention_with_norms<D>;  // attention: queries and keys are normalised head by head"}},
      {"gemma", {"nn::geglu<D>;", "nn::scaled_embedding<D>;", "nn::root(48)"}},
      {"gpt2",
       {"nn::layer_norm<D, Tag>;", "nn::learned_positions<D>;", "nn::gelu_mlp<D>;", "cria::formats<cria::f32>"}}};
  for (auto const& [name, parts] : expected) {
    check_type(golden("variants/" + name).string(), parts);
    check_type(gguf_of(folder, name), parts);
  }
  check_type(golden("variants/gemma").string(), {"nn::rms_norm_plus_one<D, Tag>;"});
  check_type(golden("formats/meta").string(),
             {"/*embed*/ 24", "/*context*/ 4096", "rope_theta = 10000.0;", "cria::formats<cria::f32>"});
  check_type(golden("formats/meta3").string(), {"rope_theta = 500000.0;", "cria::bf16"});
  tiny_gguf blocks{.embed = 256, .heads = 4, .kv_heads = 4, .head_dim = 64, .hidden = 256};
  blocks.format = [](std::string const& name) {
    return name.find("norm") != name.npos                                   ? dtype::f32
           : name == "blk.1.ffn_down.weight" || name == "token_embd.weight" ? dtype::q6_k
                                                                            : dtype::q4_k;
  };
  check_type(folder.write("k.gguf", blocks.str()), {"cria::formats<cria::q4_k, cria::stored<cria::llama2::embed, "
                                                    "cria::q6_k>, cria::stored<cria::llama2::w2, cria::by_layer<"});
}

TEST_CASE("typegen names all that it has no words for") {
  temporary_folder const folder;
  auto config = read_json(golden("variants/llama3") / "config.json");
  config["model_type"] = "mixtral", config["num_local_experts"] = 8,
  config["rope_parameters"] = {{"rope_type", "yarn"}, {"factor", 4.0}};
  check_refused("typegen", {"--model", folder.write("config.json", config.dump())},
                "config.json: model_type is not supported (expected one of llama, mistral, qwen2, qwen3, gemma, gpt2, "
                "found \"mixtral\"); "
                "num_local_experts: experts, among which a router chooses (expected none, found 8); "
                "rope_parameters: rope_type is not supported (expected default, linear or llama3, found \"yarn\")");
  check_refused("typegen", {"--model", "m", "--name", "3d"}, "--name: a C++ identifier is expected");
}
