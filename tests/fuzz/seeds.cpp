// seeds DIR: writes small good inputs for each fuzzing program into DIR/NAME.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <tuple>

#include "cria/train/data/shard.hpp"
#include "support/files.hpp"
#include "support/torch.hpp"
#include "support/vocabularies.hpp"

using namespace cria;
namespace fs = std::filesystem;

namespace {

void write(fs::path const& folder, std::vector<std::string> const& seeds) {
  fs::create_directories(folder);
  for (std::size_t i = 0; i < seeds.size(); ++i)
    std::ofstream(folder / std::to_string(i), std::ios::binary) << seeds[i];
}

/// A Llama of one layer and width 4, as Hugging Face has it, in the form that fuzzing takes.
std::string hugging_face() {
  std::string const config =
      R"({"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 2,)"
      R"( "vocab_size": 3, "max_position_embeddings": 8, "rope_parameters": {"rope_theta": 1e4, "rope_type": "default"},)"
      R"( "rope_scaling": null, "tie_word_embeddings": true})";
  std::string header = "{", data;
  auto const add = [&](std::string const& name, std::size_t rows, std::size_t columns) {
    auto const begin = data.size();
    data += test::raw(test::ramp(std::max<std::size_t>(rows, 1) * columns));
    header += (header.size() > 1 ? ", \"" : "\"") + name + R"(": {"dtype": "F32", "shape": [)" +
              (rows > 0 ? std::to_string(rows) + ", " : "") + std::to_string(columns) + R"(], "data_offsets": [)" +
              std::to_string(begin) + ", " + std::to_string(data.size()) + "]}";
  };
  std::string const layer = "model.layers.0.";
  add("model.embed_tokens.weight", 3, 4), add("model.norm.weight", 0, 4);
  add(layer + "input_layernorm.weight", 0, 4), add(layer + "post_attention_layernorm.weight", 0, 4);
  add(layer + "self_attn.q_proj.weight", 4, 4), add(layer + "self_attn.k_proj.weight", 2, 4);
  add(layer + "self_attn.v_proj.weight", 2, 4), add(layer + "self_attn.o_proj.weight", 4, 4);
  add(layer + "mlp.gate_proj.weight", 2, 4), add(layer + "mlp.down_proj.weight", 4, 2),
      add(layer + "mlp.up_proj.weight", 2, 4);
  return test::raw(std::uint16_t(config.size())) + config + test::safetensors(header + "}", data);
}

/// An index with its two files, in the form that fuzzing takes.
std::string sharded() {
  auto const file = [](std::string const& name) {
    return test::safetensors(R"({")" + name + R"(": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", "1234");
  };
  std::string const index = R"({"metadata": {"total_size": 8}, "weight_map": {"x": "a", "y": "b"}})";
  return test::raw(std::uint16_t(index.size())) + test::raw(std::uint16_t(file("x").size())) + index + file("x") +
         file("y");
}

/// A dictionary of a Llama's weights, of width 4, or half of them.
std::string pickle() {
  auto const tensor = [](std::string const& name, int rows, int columns) {
    return test::pickle::tensor{.name = name, .stored = 8, .shape = {rows, columns}, .strides = {columns, 1}};
  };
  return test::pickle::dictionary({tensor("tok_embeddings.weight", 4, 2),
                                   tensor("layers.0.attention.wq.weight", 2, 4),
                                   tensor("layers.0.attention.wo.weight", 4, 2),
                                   {.name = "norm.weight", .stored = 8, .shape = {4}, .strides = {1}}});
}

/// Tokenizers of both kinds, as Hugging Face's library writes them.
std::vector<std::string> tokenizer_json() {
  return {
      R"({"added_tokens": [{"id": 3, "content": "<s>", "special": true}], "pre_tokenizer": {"type": "Sequence", )"
      R"("pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false}]}, )"
      R"("post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}]}, )"
      R"("normalizer": {"type": "NFC"}, )"
      R"("model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"], "ignore_merges": true}})",
      R"({"normalizer": null, "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", )"
      R"("split": false}, "model": {"vocab": {"a": 0, "\u2581": 1, "\u2581a": 2, "<0x0A>": 3, "<unk>": 4}, )"
      R"("merges": [["\u2581", "a"]], "byte_fallback": true, "unk_token": "<unk>"}})"};
}

/// An adapter of one layer as peft has it; matrices are (name, rows, columns).
std::string adapter(int rank, std::string const& targets, std::string const& prefix,
                    std::vector<std::tuple<std::string, int, int>> const& matrices) {
  auto const config = R"({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": )" + std::to_string(rank) +
                      R"(, "lora_alpha": 4, "target_modules": [)" + targets +
                      R"(], "bias": "none", "use_dora": false, "modules_to_save": null, "use_rslora": true, )" +
                      R"("alpha_pattern": {"mlp.down_proj": 2.5}, "rank_pattern": {"c_proj": )" + std::to_string(rank) + "}}";
  std::string header = "{", data;
  for (auto const& [name, rows, columns] : matrices) {
    auto const begin = data.size();
    data += test::raw(test::ramp(std::size_t(rows * columns)));
    header += (begin > 0 ? ", \"" : "\"") + prefix + name + R"(.weight": {"dtype": "F32", "shape": [)" +
              std::to_string(rows) + ", " + std::to_string(columns) + R"(], "data_offsets": [)" + std::to_string(begin) + ", " +
              std::to_string(data.size()) + "]}";
  }
  return test::raw(std::uint16_t(config.size())) + config + test::safetensors(header + "}", data);
}

/// A shard of tokens with the byte before it that lets its checksums be set right.
std::string shard(fs::path const& folder, int vocabulary) {
  auto const path = folder / "shard_to_read";
  train::shard_writer writer(path.string(), {.fingerprint = 7, .size = vocabulary, .bos = 1});
  for (int length = 1; length < 5; ++length) writer.add(std::vector<int>(std::size_t(length), 1));
  writer.finish();
  std::ifstream file(path, std::ios::binary);
  std::string const bytes{std::istreambuf_iterator<char>(file), {}};
  fs::remove(path);
  return "\x01" + bytes;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  fs::path const folder = argv[1];
  auto const quantised = [](std::string const& name) {
    return name.ends_with("norm.weight") ? dtype::f32 : dtype::q4_1;
  };
  auto const blocks_of_256 = [](std::string const& name) {  // one of each, and one whose layers differ
    auto const is = [&](char const* part) { return name.find(part) != name.npos; };
    if (is("norm") || is("attn_output") || is("ffn_down")) return dtype::f32;
    if (is("attn_q") || is("attn_k")) return is("attn_q") ? dtype::q5_0 : dtype::q5_1;
    return is("ffn_up") ? dtype::q5_k : is("token_embd") || name == "blk.1.attn_v.weight" ? dtype::q6_k : dtype::q4_k;
  };
  auto const pieces = test::small_pieces();
  std::vector<test::piece> const few(pieces.end() - 12, pieces.end());
  auto const small =
      test::tiny_gguf{.embed = 4, .layers = 1, .heads = 1, .kv_heads = 1, .head_dim = 2, .hidden = 2, .vocabulary = 3};
  write(folder / "gguf",
        {small.str(), test::tiny_gguf{.layers = 1, .hidden = 32, .vocabulary = 4, .format = quantised}.str(),
         test::tiny_gguf{
             .embed = 256, .heads = 1, .kv_heads = 1, .head_dim = 2, .hidden = 2, .vocabulary = 3, .format = blocks_of_256}.str(),
         test::piece_gguf(few).str(), test::byte_gguf("smollm").str(), test::byte_gguf("llama-bpe").str()});
  write(folder / "safetensors", {hugging_face()});
  write(folder / "adapter", {adapter(2, R"("q_proj", "mlp.down_proj")", "base_model.model.model.layers.0.",
                                     {{"self_attn.q_proj.lora_A", 2, 4}, {"self_attn.q_proj.lora_B", 4, 2},
                                      {"mlp.down_proj.lora_A", 2, 2}, {"mlp.down_proj.lora_B", 4, 2}}),
                             adapter(1, R"("c_attn", "mlp.c_proj")", "base_model.model.transformer.h.0.",
                                     {{"attn.c_attn.lora_A", 1, 4}, {"attn.c_attn.lora_B", 12, 1},
                                      {"mlp.c_proj.lora_A", 1, 2}, {"mlp.c_proj.lora_B", 4, 1}})});
  auto const llama2c =
      test::tiny_llama2c{.dim = 4, .hidden = 2, .layers = 1, .heads = 2, .kv_heads = 1, .vocabulary = 3, .context = 2};
  auto int8 = llama2c;
  int8.group = 2;
  auto untied = llama2c;
  untied.tied = false;
  write(folder / "llama2c", {llama2c.str(), int8.str(), untied.str()});
  auto vocabularies = tokenizer_json();
  vocabularies.push_back("YQ== 0\nYg== 1\nYWI= 2\nIA== 3\n");
  for (auto const& v :
       {test::llama2c_vocabulary(few), test::sentencepiece_model(few), test::llama2c_vocabulary(pieces)})
    vocabularies.push_back(v);
  write(folder / "vocabulary", vocabularies);
  write(folder / "sharded", {sharded()});
  write(folder / "pickle", {pickle()});
  auto const torch = test::torch_file(pickle(), {test::raw(test::ramp(8))});
  write(folder / "torch_file", {test::raw(std::uint16_t(torch.size())) + torch + torch});
  std::vector<std::string> const texts{"a banana, <s>an</s> \xe2\x96\x81",
                                       "Hello  world's 123\n\n\t12 <|im_end|><tool>",
                                       "\xff\xc3\xa9\xf0\x9f\xa6\x99 aaaaaaaa"};
  write(folder / "sentencepiece", texts);
  write(folder / "byte_level", texts);
  write(folder / "shard", {shard(folder, 300), shard(folder, 70000)});
  write(folder / "text_reader", {"\x01\x20\n" + texts[1], std::string("\0\x10", 2) + texts[0] + "\n\n" + texts[2]});
} catch (std::exception const& e) {
  std::cerr << "seeds: " << e.what() << '\n';
  return 2;
}
