// Each fused kernel of a model against the machine: bytes and operations as `cost` counts them, time as measured inside whole
// steps, and the nearest of the limits: reading memory or a cache, multiplying in f32 or in int8 blocks.
#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cria/infer/engine.hpp"
#include "cria/run/limits.hpp"
#include "support/kernel_clock.hpp"
#include "support/kernel_costs.hpp"
#include "support/model.hpp"
#include "support/program.hpp"
#include "support/roofline_picture.hpp"

namespace {

using namespace cria;

struct settings {
  support::model_arguments model;
  int prompt = 256, depth = 512, repeat = 20;
  bool json = false;
  std::string svg;
};

struct machine {
  double read, cached, f32, int8;  // per second
  bool in_cache;                   // whether the model fits a cache
};

/// What a step of `rows` rows from position `depth` on does in one kernel, all layers together.
struct figure {
  support::kernel_facts kernel;
  int rows, depth;
  double seconds = 0, bytes = 0, flops = 0;

  double intensity() const { return flops / bytes; }
};

/// Bytes count once, however often a step reads them: weights, rows, and each position of the cache.
figure work_of(support::kernel_facts const& k, int rows, int depth) {
  double const n = rows, positions = n * depth + n * (n + 1) / 2;
  return {k,
          rows,
          depth,
          0,
          k.launches * (k.cost.weight_bytes + n * k.cost.bytes_per_row + (n + depth) * k.cost.cache_bytes_per_position),
          k.launches * (n * k.cost.flops_per_row + positions * k.cost.flops_per_position)};
}

struct limit {
  char const* name;
  double seconds;  // that a kernel would take at it
};
limit limit_of(figure const& f, machine const& m) {
  limit const read = m.in_cache ? limit{"cache", f.bytes / m.cached} : limit{"memory", f.bytes / m.read};
  limit const multiply = f.kernel.int8 ? limit{"int8", f.flops / m.int8} : limit{"f32", f.flops / m.f32};
  return read.seconds >= multiply.seconds ? read : multiply;
}

/// The medians of several steps.
std::vector<figure> measure(infer::engine& engine, int rows, int depth, int repeat) {
  std::vector<infer::row> before, step;
  auto const row_at = [&](int p) { return infer::row{int((7 + 31L * p) % engine.vocabulary()), 0, p}; };
  for (int p = 0; p < depth; ++p) before.push_back(row_at(p));
  for (int p = depth; p < depth + rows; ++p) step.push_back(row_at(p));
  if (depth > 0) engine.forward(before, infer::logits::none);
  auto const want = rows == 1 ? infer::logits::last : infer::logits::none;
  std::vector<std::map<std::string, double>> runs;
  for (int i = -1; i < repeat; ++i) {
    support::kernel_clock::start();
    engine.forward(step, want);
    if (auto seconds = support::kernel_clock::stop(); i >= 0) runs.push_back(std::move(seconds));
  }
  std::vector<figure> figures;
  for (auto const& k : support::kernels_of_model()) {
    if (!runs[0].contains(k.label)) continue;  // the head, where no logits are asked for
    auto f = work_of(k, rows, depth);
    std::vector<double> seconds;
    for (auto const& r : runs) seconds.push_back(r.at(k.label));
    std::ranges::nth_element(seconds, seconds.begin() + repeat / 2);
    f.seconds = seconds[std::size_t(repeat / 2)];
    figures.push_back(f);
  }
  return figures;
}

void report(figure const& f, machine const& m, std::string const& model, int threads, double whole, bool json) {
  auto const l = limit_of(f, m);
  double const share = l.seconds / f.seconds;
  double const bytes = f.bytes / f.seconds, flops = f.flops / f.seconds;
  support::write(json ? nlohmann::ordered_json{{"kernel", f.kernel.label},
                                               {"model", model},
                                               {"threads", threads},
                                               {"rows", f.rows},
                                               {"depth", f.depth},
                                               {"launches", f.kernel.launches},
                                               {"seconds", f.seconds},
                                               {"bytes", f.bytes},
                                               {"flop", f.flops},
                                               {"bytes_per_s", bytes},
                                               {"flop_per_s", flops},
                                               {"flop_per_byte", f.intensity()},
                                               {"limit", l.name},
                                               {"share", share}}
                                .dump() +
                            "\n"
                      : fmt::format("{:<18}{:>5}{:>6}{:>11.1f}{:>7.0f} %{:>9.2f}{:>9.1f}{:>10.1f}{:>9.1f}  {:<6}{:>6.0f} %\n",
                                    f.kernel.label, f.rows, f.kernel.launches, 1e6 * f.seconds, 100 * f.seconds / whole,
                                    f.bytes / 1e6, bytes / 1e9, flops / 1e9, f.intensity(), l.name, 100 * share));
}

support::roofline_picture picture_of(std::vector<figure> const& figures, machine const& m) {
  bool const any_int8 = std::ranges::any_of(figures, [](auto const& f) { return f.kernel.int8; });
  support::roofline_picture r;
  r.slopes = {{"memory", m.read}, {"cache", m.cached}}, r.levels = {{"f32", m.f32}};
  if (any_int8) r.levels.push_back({"int8 blocks", m.int8});
  for (auto const& f : figures)
    if (f.flops > 0)
      r.points.push_back({fmt::format("{} {:.0f} %", f.kernel.label.substr(f.kernel.label.find('/') + 1),
                                      100 * limit_of(f, m).seconds / f.seconds),
                          f.intensity(), f.flops / f.seconds, f.rows > 1, f.kernel.contraction});
  return r;
}

/// What a flag says, or where it is not there its default, as far as the context goes.
int checked(CLI::Option const& flag, int value, int least, int most) {
  if (flag.count() == 0) return std::min(value, most);
  if (value >= least && value <= most) return value;
  throw error(flag.get_name(), value > most ? "beyond the model's context" : "out of range", fmt::format("{} to {}", least, most),
              std::to_string(value));
}

void bench(settings const& s, CLI::Option const& prompt_flag, CLI::Option const& depth_flag) {
  if (s.repeat < 1) throw error("--repeat", "out of range", "at least 1", std::to_string(s.repeat));
  support::model_files const files(s.model, false);
  int const context = files.weights.shape().context;
  int const prompt = checked(prompt_flag, s.prompt, 1, context), depth = checked(depth_flag, s.depth, 0, context - 1);
  auto const engine = infer::open_engine(files.weights, {.room = std::max(prompt, depth + 1), .rows = prompt});
  Kokkos::DefaultExecutionSpace const exec;
  auto const model_bytes = std::size_t(engine->cost().weight_bytes);
  bool const in_cache = model_bytes <= std::size_t(8) << 20;
  machine const m{measure_read_bandwidth(exec), measure_read_bandwidth(exec, in_cache ? model_bytes : std::size_t(1) << 20),
                  measure_peak_flops(exec), measure_peak_int8(exec), in_cache};
  auto const model = s.model.file.substr(s.model.file.rfind('/') + 1);
  int const threads = engine->concurrency();
  auto const about =
      fmt::format("{}, policy {}, {} thread{}", model, infer::model_types().at(0).policy, threads, threads > 1 ? "s" : "");
  if (!s.json)
    support::write(
        fmt::format("{}; limits: memory {:.1f} GB/s, cache {:.0f} GB/s, f32 {:.0f} GFLOP/s, int8 {:.0f} GOP/s\n"
                    "times and bytes of all layers together; a kernel is launched by itself\n"
                    "{:<18}{:>5}{:>6}{:>11}{:>9}{:>9}{:>9}{:>10}{:>9}  {:<6}{:>8}\n",
                    about, m.read / 1e9, m.cached / 1e9, m.f32 / 1e9, m.int8 / 1e9, "kernel", "rows", "runs", "us", "of step",
                    "MB", "GB/s", "GFLOP/s", "FLOP/B", "limit", "share"));
  std::vector<figure> all;
  for (int const rows : {1, prompt}) {
    auto const figures = measure(*engine, rows, rows == 1 ? depth : 0, s.repeat);
    double const whole =
        std::accumulate(figures.begin(), figures.end(), 0.0, [](double t, auto const& f) { return t + f.seconds; });
    for (auto const& f : figures) report(f, m, model, threads, whole, s.json);
    all.insert(all.end(), figures.begin(), figures.end());
    if (prompt == 1) break;
  }
  if (s.svg.empty()) return;
  auto picture = picture_of(all, m);
  picture.title = about, picture.few = fmt::format("one token at depth {}", depth);
  picture.many = fmt::format("a prompt of {} tokens", prompt);
  std::ofstream out(s.svg);
  if (!(out << picture.svg()).flush()) throw error(s.svg, "cannot be written");
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("roofline", "Each fused kernel of a model against the limits of this machine", [&](CLI::App& arguments) {
    settings s;
    s.model.add_files(arguments);
    s.model.add_policy(arguments);
    auto const* const prompt = support::add_number(arguments, "--prompt", s.prompt, "rows of the prompt")->capture_default_str();
    auto const* const depth =
        support::add_number(arguments, "--depth", s.depth, "positions before the one token")->capture_default_str();
    support::add_number(arguments, "--repeat", s.repeat, "steps of each, of which the median is shown")->capture_default_str();
    arguments.add_flag("--json", s.json, "one object a line for each kernel");
    arguments.add_option("--svg", s.svg, "a file for the picture");
    support::parse(arguments, argc, argv);
    bench(s, *prompt, *depth);
  });
}
