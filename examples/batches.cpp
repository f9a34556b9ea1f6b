// Writes the batches that pretrain would see, so that other programs can train on the same.
#include "support/program.hpp"

#include "cria/text.hpp"
#include "support/training_data.hpp"

namespace {

using namespace cria;

struct settings {
  std::vector<std::string> data;
  std::string tokenizer, out;
  int context = 256;
  long batch_tokens = 4096, steps = 100;
  double held_out = 0.02;
  std::uint64_t seed = 1;
};

/// Little-endian int32: [step][sequence][context + 1], each sequence its tokens and the one after them.
void write_batches(settings const& s) {
  if (s.context < 1) throw error("--context", "out of range", "a positive number", fmt::format("{}", s.context));
  if (s.batch_tokens < s.context || s.batch_tokens % s.context != 0 || s.batch_tokens > 1 << 30)
    throw error("--batch-tokens", "out of range", fmt::format("a multiple of --context, {}, up to 2^30", s.context),
                fmt::format("{}", s.batch_tokens));
  if (s.steps < 1) throw error("--steps", "out of range", "a positive number", fmt::format("{}", s.steps));
  auto const tokenizer = s.tokenizer.empty() ? nullptr : text::open_tokenizer(s.tokenizer);
  train::mixture from(support::open_data(s.data, tokenizer.get()), {.context = s.context,
                                                                    .sequences = int(s.batch_tokens / s.context),
                                                                    .seen = train::documents_see::across,
                                                                    .held_out = s.held_out,
                                                                    .seed = s.seed});
  io::atomic_file file(s.out);
  std::vector<std::int32_t> tokens;
  for (long step = 0; step < s.steps; ++step) {
    tokens.clear();
    for (auto const& row : from.next()) {
      tokens.push_back(row.token);
      if (row.position == s.context - 1) tokens.push_back(row.target);
    }
    file.write(std::as_bytes(std::span(tokens)));
  }
  file.commit();
}

}  // namespace

int main(int argc, char** argv) {
  char const* const purpose = "Writes the batches of a pretraining: int32 [step][sequence][context + 1]";
  return support::run("batches", purpose, [&](CLI::App& arguments) {
    settings s;
    arguments.add_option("--data", s.data, "as for pretrain, here and below")->required();
    arguments.add_option("--tokenizer", s.tokenizer, "for text as data");
    support::add_number(arguments, "--steps", s.steps, "how many batches")->capture_default_str();
    support::add_number(arguments, "--batch-tokens", s.batch_tokens, "tokens of a step")->capture_default_str();
    support::add_number(arguments, "--context", s.context, "tokens of a sequence")->capture_default_str();
    support::add_number(arguments, "--held-out", s.held_out, "the fraction of the documents that validates")
        ->capture_default_str();
    support::add_number(arguments, "--seed", s.seed, "of the documents' order")->capture_default_str();
    arguments.add_option("--out", s.out, "the file")->required();
    support::parse(arguments, argc, argv);
    write_batches(s);
  });
}
