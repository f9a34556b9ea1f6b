#pragma once
// --model, --adapter, --tokenizer and --policy, and what is behind them.
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cria/infer/engine.hpp"
#include "cria/model/checkpoint.hpp"
#include "cria/text.hpp"

namespace support {

struct model_arguments {
  std::string file, adapter, tokenizer, policy;

  void add_files(CLI::App& arguments) {
    arguments.add_option("--model", file, "a .gguf, a llama2.c .bin, or a folder in Hugging Face's or Meta's layout")->required();
    arguments.add_option("--tokenizer", tokenizer,
                         "a tokenizer.model, .json or .bin, a .gguf, or a folder with one");
  }
  void add_adapter(CLI::App& arguments) {
    arguments.add_option("--adapter", adapter, "a folder of peft's: a low-rank adapter, kept apart from the model's weights");
  }
  void add_policy(CLI::App& arguments) {
    arguments.add_option("--policy", policy, "exact: f32 activations; fast: int8 where the weights are blocks")
        ->check(CLI::IsMember({"exact", "fast"}));
  }

  /// Throws cria::error when this program was compiled for another policy.
  void check_policy(std::string_view compiled) const {
    if (!policy.empty() && policy != compiled)
      throw cria::error("--policy", "this program was compiled for another one", compiled, policy);
  }

  /// The model with its adapter. Throws cria::error for an adapter of another model.
  cria::llama2::checkpoint open() const {
    auto weights = cria::llama2::checkpoint::open(file);
    if (!adapter.empty()) weights.attach(cria::llama2::adapter::open(adapter, weights.shape()));
    return weights;
  }

  std::unique_ptr<cria::text::tokenizer> open_tokenizer() const {
    return cria::text::open_tokenizer(tokenizer.empty() ? file : tokenizer);
  }
};

/// A checkpoint with its tokenizer, which may be missing only where `text` is none of the program's business.
struct model_files {
  cria::llama2::checkpoint weights;
  std::unique_ptr<cria::text::tokenizer> tokens;
  std::string chat_template;  // where the tokenizer's file has one

  explicit model_files(model_arguments const& a, bool text = true) : weights(a.open()) {
    a.check_policy(cria::infer::model_types().at(0).policy);
    std::error_code ignored;
    bool const within = weights.gguf() || (text && std::filesystem::is_directory(a.file, ignored));
    if (a.tokenizer.empty() && !within) {
      if (!text) return;
      throw cria::error(a.file, "has no tokenizer", "--tokenizer FILE", "none");
    }
    auto const from = cria::text::tokenizer_file(a.tokenizer.empty() ? a.file : a.tokenizer);
    tokens = cria::text::open_tokenizer(from);
    if (tokens->size() > weights.shape().vocabulary)
      throw cria::error(from, "the tokenizer is not this model's", fmt::format("at most {} tokens", weights.shape().vocabulary),
                        fmt::format("{}", tokens->size()));
    tokens->pad(weights.shape().vocabulary);
    chat_template = cria::text::chat_template(from);
  }
};

}  // namespace support
