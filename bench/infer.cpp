// How fast a model reads a prompt and decodes tokens, as shares of what this machine can read and multiply.
#include <algorithm>
#include <chrono>
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
  int prompt = 512, decode = 128, repeat = 5;
  std::vector<int> depth{0};
  bool json = false;
};

struct figure {
  std::string phase;
  int depth;
  double tokens_per_s, bytes_per_s, flop_per_s;
};

struct machine {
  double read_limit, flop_limit;
};

double seconds_of(auto const& work) {
  auto const begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// `count` rows of made-up tokens from a position on.
std::vector<infer::row> rows_from(int position, int count, int vocabulary) {
  std::vector<infer::row> rows;
  for (int i = 0; i < count; ++i) rows.push_back({int((7 + 31L * (position + i)) % vocabulary), 0, position + i});
  return rows;
}

/// The median of several runs, weighed by what the type says a token costs.
template <class Work> figure measure(std::string phase, int depth, int tokens, settings const& s, infer::token_cost const& c, Work const& work) {
  std::vector<double> seconds;
  for (int i = 0; i < s.repeat; ++i) seconds.push_back(seconds_of(work));
  std::ranges::nth_element(seconds, seconds.begin() + s.repeat / 2);
  double const median = seconds[std::size_t(s.repeat / 2)], positions = depth + (tokens + 1) / 2.0;
  double const steps = phase == "decode" ? tokens : 1;  // a prompt reads the weights once at best
  double const bytes = steps * c.weight_bytes + tokens * positions * c.cache_bytes_per_position;
  return {phase, depth, tokens / median, bytes / median, tokens * (c.flops + positions * c.flops_per_position) / median};
}

void report(settings const& s, std::string const& name, int threads, machine const& m, figure const& f) {
  double const share = f.phase == "decode" ? f.bytes_per_s / m.read_limit : f.flop_per_s / m.flop_limit;
  if (s.json) {
    support::write(nlohmann::ordered_json{{"phase", f.phase}, {"model", name}, {"threads", threads}, {"depth", f.depth}, {"batch", 1},
                                          {"tokens_per_s", f.tokens_per_s}, {"bytes_per_s", f.bytes_per_s}, {"flop_per_s", f.flop_per_s},
                                          {"read_limit", m.read_limit}, {"flop_limit", m.flop_limit}, {"share", share}}.dump() + "\n");
  } else {
    support::write(fmt::format("{:<8} {:>6} {:>12.1f} {:>9.2f} {:>10.1f} {:>7.0f} %\n", f.phase, f.depth, f.tokens_per_s, f.bytes_per_s / 1e9,
                               f.flop_per_s / 1e9, 100 * share));
  }
  support::flush();
}

void bench(settings const& s) {
  if (s.prompt < 1 || s.decode < 1 || s.repeat < 1) throw error("--prompt, --decode, --repeat", "out of range", "at least 1", "less");
  support::model_files const files(s.model, false);
  int const deepest = *std::ranges::max_element(s.depth), room = std::max(s.prompt, deepest + s.decode);
  if (*std::ranges::min_element(s.depth) < 0) throw error("--depth", "out of range", "0 or more", "less");
  auto const engine = infer::open_engine(files.weights, {.room = room});
  auto const cost = engine->cost();
  machine const m{engine->read_bandwidth(), engine->peak_flops()};
  std::string const name = s.model.file.substr(s.model.file.rfind('/') + 1);
  if (!s.json)
    support::write(fmt::format("{}, policy {}, {} threads; read limit {:.1f} GB/s, f32 limit {:.0f} GFLOP/s; share: of the read limit for decode, of the "
                               "f32 limit for prefill\nphase     depth     tokens/s      GB/s    GFLOP/s     share\n",
                               name, support::compiled_policy(), engine->concurrency(), m.read_limit / 1e9, m.flop_limit / 1e9));
  auto const prompt = rows_from(0, s.prompt, engine->vocabulary());
  engine->forward(prompt, infer::logits::last);
  report(s, name, engine->concurrency(), m, measure("prefill", 0, s.prompt, s, cost, [&] { engine->forward(prompt, infer::logits::last); }));
  for (int const depth : s.depth) {
    if (depth > 0) engine->forward(rows_from(0, depth, engine->vocabulary()), infer::logits::none);
    auto const rows = rows_from(depth, s.decode, engine->vocabulary());
    auto const decode = [&] {
      for (auto const& r : rows) engine->forward({&r, 1}, infer::logits::last);
    };
    report(s, name, engine->concurrency(), m, measure("decode", depth, s.decode, s, cost, decode));
  }
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("infer", "How fast a model reads and answers on this machine", [&](CLI::App& arguments) {
    settings s;
    s.model.add_files(arguments);
    s.model.add_policy(arguments);
    support::add_number(arguments, "--prompt", s.prompt, "tokens of the prompt (512)");
    support::add_number(arguments, "--decode", s.decode, "tokens to decode (128)");
    arguments.add_option("--depth", s.depth, "positions in the cache before decoding, several with commas (0)")->delimiter(',');
    support::add_number(arguments, "--repeat", s.repeat, "runs of each, of which the median is shown (5)");
    arguments.add_flag("--json", s.json, "one object a line for each figure");
    support::parse(arguments, argc, argv);
    bench(s);
  });
}
