#pragma once
// --lookup and --draft: how guesses are made of what comes next.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cria/infer.hpp"
#include "cria/model/checkpoint.hpp"
#include "model.hpp"

namespace support {

struct draft_arguments {
  std::string model;
  bool lookup = false;

  void add(CLI::App& arguments) {
    auto* const look =
        arguments.add_flag("--lookup", lookup, "guess that text repeats itself: faster where it does, with the same tokens");
    arguments
        .add_option("--draft", model,
                    "a smaller model with the same tokens guesses: faster where it is right, with the same tokens")
        ->excludes(look);
  }
};

/// What guesses, or nothing, with all that it needs.
class guesses {
 public:
  /// Throws cria::error for a model whose tokens are not those of `files`.
  guesses(draft_arguments const& a, model_files const& files) {
    if (a.lookup) drafter_ = std::make_unique<cria::infer::lookup_drafter>();
    if (a.model.empty()) return;
    weights_ = cria::llama2::checkpoint::open(a.model);
    int const expected = files.weights.shape().vocabulary, found = weights_->shape().vocabulary;
    if (expected != found)
      throw cria::error(a.model, "its tokens are not those of --model", fmt::format("{} tokens", expected),
                        fmt::format("{}", found));
    if (!weights_->gguf()) return;
    auto const tokens = cria::text::open_tokenizer(a.model);
    for (int id = 0; id < expected; ++id)
      if (tokens->piece(id) != files.tokens->piece(id))
        throw cria::error(a.model, fmt::format("its tokens are not those of --model: token {}", id),
                          files.tokens->piece(id), tokens->piece(id));
  }

  bool any() const { return drafter_ || weights_; }

  /// For an engine with these options, of which `room` is not 0.
  cria::infer::drafter* open(cria::infer::engine_options options) {
    if (weights_) {
      options.room = std::min(options.room, weights_->shape().context);
      engine_ = cria::infer::open_engine(*weights_, options);
      drafter_ = std::make_unique<cria::infer::model_drafter>(*engine_);
    }
    return drafter_.get();
  }

 private:
  std::optional<cria::llama2::checkpoint> weights_;
  std::unique_ptr<cria::infer::engine> engine_;
  std::unique_ptr<cria::infer::drafter> drafter_;
};

}  // namespace support
