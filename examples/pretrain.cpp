// Trains a model from its first weights, or goes on with a run.
#include "support/program.hpp"

#include <cmath>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cria/train/initialise.hpp"
#include "support/interrupt.hpp"
#include "support/pretraining.hpp"

namespace {

using namespace cria;
namespace fs = std::filesystem;
using support::pretrain_settings;

void add_options(CLI::App& arguments, pretrain_settings& s) {
  using support::add_number, support::add_positive;
  auto const kept = [&](char const* flag, auto& to, char const* help) {
    return s.kept.keep(arguments.add_option(flag, to, help), to);
  };
  auto const kept_positive = [&](char const* flag, auto& to, char const* help) {
    return s.kept.keep(add_positive(arguments, flag, to, help), to);
  };
  auto const kept_number = [&](char const* flag, auto& to, char const* help) {
    return s.kept.keep(add_number(arguments, flag, to, help), to);
  };
  arguments
      .add_option("--model", s.model, "a config.json, or a folder in Hugging Face's layout, with first weights or none")
      ->required();
  arguments.add_option(
      "--tokenizer", s.tokenizer,
      "a tokenizer.bin, SentencePiece .model or .gguf, for text as data and samples; default: the model's");
  kept("--data", s.data, "corpora (./run corpus), texts, folders of texts; with =WEIGHT, its share of the tokens");
  kept_number("--held-out", s.held_out, "the fraction of the documents that validates")->capture_default_str();
  kept_positive("--steps", s.steps, "how long; default, here and below: the recipe's, see docs/training.md");
  add_positive(arguments, "--tokens", s.tokens, "the same in tokens")->excludes("--steps");
  kept_positive("--batch-tokens", s.batch_tokens, "tokens of a step");
  kept_positive("--context", s.context, "tokens of a sequence");
  kept_positive("--rate", s.rate, "the highest learning rate");
  kept_number("--warmup", s.warmup, "steps up to it");
  kept_number("--seed", s.seed, "of the first weights and of the documents' order")->capture_default_str();
  kept("--weights", s.weights, "what the kernels multiply with, f32 or bf16; the weights themselves are f32")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  kept("--documents", s.documents,
       "across: a token sees the documents before its own in a sequence; within: it doesn't")
      ->check(CLI::IsMember({"across", "within"}))
      ->capture_default_str();
  arguments.add_option("--out", s.out, "the run's folder; default: runs/ and a name with the time");
  arguments.add_flag("--resume", s.resume, "go on with the run in --out, where there is one")->needs("--out");
  add_number(arguments, "--validate-every", s.validate_every, "steps; 0: never")->capture_default_str();
  add_positive(arguments, "--save-every", s.save_every, "steps")->capture_default_str();
  add_positive(arguments, "--keep", s.keep, "how many checkpoints; the best one stays as well")->capture_default_str();
  add_number(arguments, "--sample-every", s.sample_every, "steps; 0: only at the end")->capture_default_str();
  arguments.add_flag("--csv", s.csv, "metrics.csv beside metrics.jsonl, at the end");
  arguments.add_flag("--json", s.json, "the lines of metrics.jsonl on stdout, and no progress");
}

/// Of a folder the name, of its config.json that of its folder.
std::string name_of(std::string const& model) {
  auto const path = fs::absolute(model).lexically_normal();
  auto const folder = fs::is_directory(path) ? path : path.parent_path();
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

std::string default_out(std::string const& model) {
  std::time_t const now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", std::localtime(&now));
  return fmt::format("runs/{}-{}", name_of(model), text);
}

/// The tokenizer that lies beside a config.json, or nothing.
std::string tokenizer_beside(std::string const& config) {
  try {
    return text::tokenizer_file(fs::absolute(config).parent_path().string());
  } catch (error const&) {
    return {};
  }
}

/// Whether a folder has weights, also of kinds that are refused when they are opened.
bool holds_weights(std::string const& folder) {
  for (auto const* const name :
       {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (fs::exists(fs::path(folder) / name)) return true;
  return false;
}

/// Opens the run, or begins one, and trains.
void pretrain(pretrain_settings& s) {
  auto const config = fs::is_directory(s.model) ? (fs::path(s.model) / "config.json").string() : s.model;
  auto const shape = support::read_config(config);
  if (s.tokenizer.empty()) s.tokenizer = tokenizer_beside(config);
  if (s.out.empty()) s.out = default_out(s.model);
  std::vector<std::string> passed_over;
  std::optional<train::saved_run> before;
  if (fs::exists(s.out)) before = train::newest_checkpoint(s.out, passed_over);
  for (auto const& line : passed_over) support::say("pretrain", "passed over: " + line);
  if (before && !s.resume)
    throw error(s.out, "holds a run already", "--resume, or another --out", fmt::format("step {}", before->state.step));
  auto const how = s.resolve(shape, before ? &before->state.settings : nullptr);
  support::pretraining run(s, how, shape, config);
  if (before) {
    run.restore(*before);
  } else {
    if (fs::is_directory(s.model) && holds_weights(s.model))
      train::load_weights(run.model(), llama2::checkpoint::open(s.model));
    else
      train::initialise(run.model(), how, s.seed);
  }
  support::catch_termination();
  run.train();
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("pretrain", "Trains a model from its first weights", [&](CLI::App& arguments) {
    pretrain_settings s;
    add_options(arguments, s);
    support::parse(arguments, argc, argv);
    pretrain(s);
  });
}
