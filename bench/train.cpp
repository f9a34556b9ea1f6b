// How fast a model trains: forward, backward and a step of AdamW, as a share of what this machine can multiply.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cria/train/initialise.hpp"
#include "cria/train/open_engine.hpp"
#include "support/model_type.hpp"
#include "support/program.hpp"

namespace {

using namespace cria;

struct settings {
  std::string model, weights = "f32";
  int batch = 4, tokens = 256, repeat = 5;
  bool json = false;
};

/// Sequences of made-up tokens; each row's target is the next one.
std::vector<train::row> made_up_rows(int batch, int tokens, int vocabulary) {
  std::vector<train::row> rows;
  auto const token = [&](int s, int p) { return int((7 + 31L * p + 101L * s + 17L * p * p) % vocabulary); };
  for (int s = 0; s < batch; ++s)
    for (int p = 0; p < tokens; ++p) rows.push_back({token(s, p), s, p, token(s, p + 1), 1.0f / float(batch * tokens)});
  return rows;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}
double median(std::vector<double> v) {
  std::ranges::nth_element(v, v.begin() + std::ptrdiff_t(v.size() / 2));
  return v[v.size() / 2];
}

void bench(settings const& s) {
  for (auto const& [flag, value] :
       {std::pair("--batch", s.batch), std::pair("--tokens", s.tokens), std::pair("--repeat", s.repeat)})
    if (value < 1 || value > 1 << 16) throw error(flag, "out of range", "1 to 65536", std::to_string(value));
  if (long(s.batch) * s.tokens > 1 << 24)
    throw error("--batch", "too many rows", "16777216 with --tokens", std::to_string(long(s.batch) * s.tokens));
  auto const shape = support::read_config(s.model);
  if (s.tokens > shape.context)
    throw error("--tokens", "beyond the model's context", std::to_string(shape.context), std::to_string(s.tokens));
  auto const engine = train::open_engine(shape, s.model, s.weights, {.rows = s.batch * s.tokens});
  train::initialise(*engine, {}, 1);
  auto const rows = made_up_rows(s.batch, s.tokens, shape.vocabulary);
  double const n = double(rows.size()), peak = engine->peak_flops();
  double const flops = n * (engine->flops_per_row() + (s.tokens + 1) / 2.0 * engine->flops_per_position());
  std::vector<double> gradients, updates, steps;
  double loss = 0;
  for (int step = 1; step <= s.repeat + 2; ++step) {  // the first touch memory for the first time
    auto const begin = std::chrono::steady_clock::now();
    loss = engine->accumulate(rows);
    double const half = seconds_since(begin);
    engine->update({.rate = 1e-4, .step = step});
    double const all = seconds_since(begin);
    if (step > 2) gradients.push_back(half), updates.push_back(all - half), steps.push_back(all);
  }
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  double const seconds = median(steps), megabytes = double(used.ru_maxrss) * 1024 / 1e6;
  nlohmann::ordered_json const line{{"model", s.model},
                                    {"weights", s.weights},
                                    {"threads", engine->concurrency()},
                                    {"batch", s.batch},
                                    {"tokens", s.tokens},
                                    {"step_s", seconds},
                                    {"gradients_s", median(gradients)},
                                    {"update_s", median(updates)},
                                    {"tokens_per_s", n / seconds},
                                    {"flop_per_s", flops / seconds},
                                    {"flop_limit", peak},
                                    {"share", flops / seconds / peak},
                                    {"engine_bytes", engine->bytes()},
                                    {"peak_megabytes", megabytes},
                                    {"loss", loss}};
  if (s.json) return support::write(line.dump() + "\n");
  support::write(
      fmt::format("{} x {} tokens, weights {}, {} threads: {:.3f} s a step ({:.3f} s of it AdamW), {:.1f} tokens/s\n"
                  "{:.1f} GFLOP/s, {:.0f} % of the measured {:.1f}; {:.0f} MB of memory at most; loss {:.3f}\n",
                  s.batch, s.tokens, s.weights, engine->concurrency(), seconds, median(updates), n / seconds,
                  flops / seconds / 1e9, 100 * flops / seconds / peak, peak / 1e9, megabytes, loss));
}

}  // namespace

int main(int argc, char** argv) {
  return support::run(
      "train", "How fast a model trains on this machine, with as many threads as OMP_NUM_THREADS says", [&](CLI::App& arguments) {
        settings s;
        arguments.add_option("--model", s.model, "a config.json")->required();
        arguments.add_option("--weights", s.weights, "how weights are stored beside their f32 masters")
            ->check(CLI::IsMember({"f32", "bf16"}))
            ->capture_default_str();
        support::add_number(arguments, "--batch", s.batch, "sequences of a step")->capture_default_str();
        support::add_number(arguments, "--tokens", s.tokens, "tokens of a sequence")->capture_default_str();
        support::add_number(arguments, "--repeat", s.repeat, "steps, of which the median is shown")->capture_default_str();
        arguments.add_flag("--json", s.json, "one object");
        support::parse(arguments, argc, argv);
        bench(s);
      });
}
