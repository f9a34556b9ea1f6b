// How fast a model reads a prompt and decodes tokens, as shares of what this machine can read and multiply.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cria/infer/engine.hpp"
#include "support/model.hpp"
#include "support/program.hpp"

namespace {

using namespace cria;

struct settings {
  support::model_arguments model;
  std::vector<int> prompt{512}, depth{0}, batch{1};
  int decode = 128, repeat = 5;
  bool mixed = false, json = false;
};

/// What one run did: `batch` sequences, each with `depth` positions before it (their mean where they differ).
struct work {
  std::string phase;
  int depth, batch;
  double tokens, bytes, flops;
};

/// Sequences of made-up tokens. It counts what is in the cache, so that a depth is reached from the one before.
class conversation {
 public:
  conversation(infer::engine& e, int sequences) : engine_(e), filled_(std::size_t(sequences), 0) {}

  infer::row row_at(int sequence, int position) const {
    return {int((7 + 31L * (position + sequence)) % engine_.vocabulary()), sequence, position};
  }
  void read(int sequence, int begin, int end, infer::logits want) {
    std::vector<infer::row> rows;
    for (int p = begin; p < end; ++p) rows.push_back(row_at(sequence, p));
    if (!rows.empty()) engine_.forward(rows, want);
    filled_[std::size_t(sequence)] = end;
  }
  void fill(int sequence, int depth) {
    int const from = filled_[std::size_t(sequence)];
    if (from < depth) read(sequence, from, depth, infer::logits::none);
  }
  /// One token of each sequence, `steps` times; sequence s goes on from position depth[s].
  void decode(std::vector<int> const& depth, int steps) {
    std::vector<infer::row> rows(depth.size());
    for (int step = 0; step < steps; ++step) {
      for (std::size_t s = 0; s < rows.size(); ++s) rows[s] = row_at(int(s), depth[s] + step), filled_[s] = depth[s] + step + 1;
      engine_.forward(rows, infer::logits::all);
    }
  }

 private:
  infer::engine& engine_;
  std::vector<int> filled_;
};

/// Where the sequences of a batch stand: all at `depth`, or spread evenly from half of it to one and a half.
std::vector<int> depths_of(int depth, int batch, bool mixed) {
  std::vector<int> r(std::size_t(batch), depth);
  if (mixed && batch > 1)
    for (int s = 0; s < batch; ++s) r[std::size_t(s)] = depth / 2 + int(long(depth) * s / (batch - 1));
  return r;
}

/// A prompt needs the weights and each position of the cache once, and the head's products for its last row alone.
work work_of_prompt(int tokens, infer::token_cost const& c, double head_flops) {
  double const n = tokens;
  return {"prefill", 0, 1, n, c.weight_bytes + n * c.cache_bytes_per_position,
          n * (c.flops - head_flops) + head_flops + n * (n + 1) / 2 * c.flops_per_position};
}

/// A step needs the weights once for all its sequences, and of each the positions of its own cache.
work work_of_decode(std::vector<int> const& depth, int steps, infer::token_cost const& c) {
  double const batch = double(depth.size()), n = steps;
  double total = 0, positions = 0;
  for (int const d : depth) total += d, positions += n * d + n * (n + 1) / 2;
  return {"decode",
          int(std::lround(total / batch)),
          int(depth.size()),
          n * batch,
          n * c.weight_bytes + positions * c.cache_bytes_per_position,
          n * batch * c.flops + positions * c.flops_per_position};
}

/// The median of several runs.
double seconds_of(int runs, auto const& run) {
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) {
    auto const begin = std::chrono::steady_clock::now();
    run();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::nth_element(seconds, seconds.begin() + runs / 2);
  return seconds[std::size_t(runs / 2)];
}

struct reporter {
  std::string model;
  int threads;
  double read_limit, flop_limit;
  bool json;

  void header() const {
    if (json) return;
    support::write(
        fmt::format("{}, policy {}, threads: {}; read limit {:.1f} GB/s, f32 limit {:.0f} GFLOP/s\n"
                    "share: of the read limit for decode, of the f32 limit for prefill\n"
                    "{:<8}{:>7}{:>7}{:>13}{:>10}{:>11}{:>9}\n",
                    model, infer::model_types().at(0).policy, threads, read_limit / 1e9, flop_limit / 1e9, "phase", "depth",
                    "batch", "tokens/s", "GB/s", "GFLOP/s", "share"));
  }
  void operator()(work const& w, double seconds) const {
    double const bytes = w.bytes / seconds, flops = w.flops / seconds;
    double const share = w.phase == "decode" ? bytes / read_limit : flops / flop_limit;
    support::write(json ? nlohmann::ordered_json{{"phase", w.phase}, {"model", model}, {"threads", threads}, {"depth", w.depth},
                                                 {"batch", w.batch}, {"tokens_per_s", w.tokens / seconds}, {"bytes_per_s", bytes},
                                                 {"flop_per_s", flops}, {"read_limit", read_limit}, {"flop_limit", flop_limit},
                                                 {"share", share}}.dump() + "\n"
                        : fmt::format("{:<8}{:>7}{:>7}{:>13.1f}{:>10.2f}{:>11.1f}{:>7.0f} %\n", w.phase, w.depth, w.batch,
                                      w.tokens / seconds, bytes / 1e9, flops / 1e9, 100 * share));
    support::flush();
  }
};

void check_range(std::string_view flag, std::vector<int> const& values, int least, int most,
                 std::string_view beyond = "out of range") {
  for (int const v : values)
    if (v < least || v > most)
      throw error(flag, v > most ? beyond : "out of range", fmt::format("{} to {}", least, most), std::to_string(v));
}

void bench(settings& s, bool prompt_given, bool decode_given) {
  check_range("--repeat", {s.repeat}, 1, 1000);
  check_range("--batch", s.batch, 1, 1024);
  support::model_files const files(s.model, false);
  auto const& shape = files.weights.shape();
  if (!prompt_given) s.prompt = {std::min(512, shape.context)};
  if (!decode_given) s.decode = std::min(128, shape.context);
  constexpr std::string_view beyond = "beyond the model's context";
  check_range("--prompt", s.prompt, 0, shape.context, beyond);
  check_range("--decode", {s.decode}, 0, shape.context, beyond);
  check_range("--depth", s.depth, 0, s.mixed ? (shape.context - s.decode) / 3 * 2 : shape.context - s.decode, beyond);
  int room = std::max(1, std::ranges::max(s.prompt));
  for (int const d : s.depth) room = std::max(room, std::ranges::max(depths_of(d, 2, s.mixed)) + s.decode);
  int const sequences = std::ranges::max(s.batch);
  auto const engine = infer::open_engine(files.weights, {.room = room, .sequences = sequences});
  auto const cost = engine->cost();
  reporter const report{s.model.file.substr(s.model.file.rfind('/') + 1), engine->concurrency(), engine->read_bandwidth(),
                        engine->peak_flops(), s.json};
  report.header();
  conversation talk(*engine, sequences);
  for (int const n : s.prompt) {
    if (n == 0) continue;
    auto const read = [&] { talk.read(0, 0, n, infer::logits::last); };
    read();
    report(work_of_prompt(n, cost, 2.0 * shape.embed * shape.vocabulary), seconds_of(s.repeat, read));
  }
  if (s.decode == 0) return;
  for (int const depth : s.depth)
    for (int const batch : s.batch) {
      auto const depths = depths_of(depth, batch, s.mixed);
      for (int i = 0; i < batch; ++i) talk.fill(i, depths[std::size_t(i)]);
      talk.decode(depths, 1);
      report(work_of_decode(depths, s.decode, cost), seconds_of(s.repeat, [&] { talk.decode(depths, s.decode); }));
    }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr auto purpose = "How fast a model reads and answers on this machine, with as many threads as OMP_NUM_THREADS says";
  return support::run("infer", purpose, [&](CLI::App& arguments) {
    settings s;
    s.model.add_files(arguments);
    s.model.add_adapter(arguments);
    s.model.add_policy(arguments);
    auto const* const prompt =
        arguments.add_option("--prompt", s.prompt, "tokens of a prompt, several with commas; 0: none (512)");
    auto const* const decode = support::add_number(arguments, "--decode", s.decode, "tokens to decode; 0: none (128)");
    arguments.add_option("--depth", s.depth, "positions in the cache before decoding, several with commas (0)");
    arguments.add_option("--batch", s.batch, "sequences that decode together, several with commas (1)");
    for (auto* const list : {"--prompt", "--depth", "--batch"}) arguments.get_option(list)->delimiter(',');
    arguments.add_flag("--mixed", s.mixed, "the sequences of a batch stand at depths from half of --depth to one and a half");
    support::add_number(arguments, "--repeat", s.repeat, "runs of each, of which the median is shown (5)");
    arguments.add_flag("--json", s.json, "one object a line for each figure");
    support::parse(arguments, argc, argv);
    bench(s, prompt->count() > 0, decode->count() > 0);
  });
}
