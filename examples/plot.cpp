// Draws what runs of pretrain logged: loss and learning rate, several runs in one picture. gnuplot does the drawing.
#include "support/program.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cria/train/metrics.hpp"
#include "support/gnuplot.hpp"
#include "support/plot_script.hpp"

namespace {

using namespace cria;
namespace fs = std::filesystem;
using train::step_record;

struct settings {
  std::vector<std::string> runs;
  std::string out, by = "tokens";
  bool speed = false;
};

struct run_log {
  std::string name;
  std::vector<step_record> steps;
};

std::string metrics_of(fs::path const& run) { return (fs::is_directory(run) ? run / "metrics.jsonl" : run).string(); }

/// The folders' names; the paths as they were given where two are the same. Nothing in them that could end a title.
std::vector<run_log> read_runs(settings const& s) {
  std::vector<run_log> all;
  for (auto const& given : s.runs) {
    auto const path = fs::path(given).lexically_normal();
    auto const folder = fs::is_directory(path) ? path : path.parent_path();
    auto const name = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
    all.push_back({name, train::read_metrics(metrics_of(path))});
    if (all.back().steps.empty()) throw error(metrics_of(path), "nothing to plot", "steps of a run", "none");
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    bool const alone = std::ranges::count(all, all[i].name, &run_log::name) == 1;
    if (!alone || all[i].name.empty()) all[i].name = s.runs[i];
  }
  for (auto& r : all)
    for (char& c : r.name)
      if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') c = '_';
  return all;
}

/// Means of neighbours, so that a picture has at most `most` points of a run.
std::vector<step_record> thin_out(std::vector<step_record> const& all, std::size_t most) {
  std::size_t const together = (all.size() + most - 1) / most;
  std::vector<step_record> out;
  for (std::size_t i = 0; i < all.size(); i += together) {
    std::size_t const end = std::min(all.size(), i + together);
    auto mean = all[end - 1];
    mean.loss = mean.tokens_per_second = 0;
    for (std::size_t k = i; k < end; ++k) {
      mean.loss += all[k].loss / double(end - i);
      mean.tokens_per_second += all[k].tokens_per_second / double(end - i);
    }
    out.push_back(mean);
  }
  return out;
}

/// Each the mean over 2 % of all; as many before as after it at the beginning, where a loss falls fast.
std::vector<double> smooth(std::vector<step_record> const& all, double step_record::*what) {
  std::vector<double> sums{0.0}, out;
  for (auto const& r : all) sums.push_back(sums.back() + r.*what);
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::size_t const half = std::min(1 + all.size() / 100, i), begin = i - half,
                      end = std::min(all.size(), i + half + 1);
    out.push_back((sums[end] - sums[begin]) / double(end - begin));
  }
  return out;
}

struct picture {
  settings const& s;
  support::gnuplot gnuplot{};
  double tokens_scale = 1, rate_scale = 1;

  double place(step_record const& r) const {
    return s.by == "steps" ? double(r.done.step) : double(r.done.tokens) / tokens_scale;
  }

  void write_curves(std::vector<run_log> const& runs) const {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      auto const steps = thin_out(runs[i].steps, 2000);
      auto const loss = smooth(steps, &step_record::loss), speed = smooth(steps, &step_record::tokens_per_second);
      std::string curve = fmt::format("\"{}\"\n", runs[i].name), validation = curve;
      for (std::size_t k = 0; k < steps.size(); ++k)
        curve += fmt::format("{} {} {} {} {}\n", place(steps[k]), steps[k].loss, loss[k], steps[k].rate / rate_scale,
                             speed[k] / 1e3);
      for (auto const& r : runs[i].steps)
        if (r.validation_loss) validation += fmt::format("{} {}\n", place(r), *r.validation_loss);
      gnuplot.put(fmt::format("curve-{}", i), curve), gnuplot.put(fmt::format("validation-{}", i), validation + "NaN NaN\n");
    }
  }

  std::string script(std::vector<run_log> const& runs) {
    double most_tokens = 0, highest = 0;
    bool validated = false;
    for (auto const& run : runs)
      for (auto const& r : run.steps) {
        most_tokens = std::max(most_tokens, double(r.done.tokens)), highest = std::max(highest, r.rate);
        validated |= r.validation_loss.has_value();
      }
    std::string x_label = "steps";
    if (s.by == "tokens") {
      x_label = "tokens";
      for (auto const& [scale, name] :
           {std::pair{1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}, {1e3, "thousand"}})
        if (most_tokens >= scale && tokens_scale == 1) tokens_scale = scale, x_label = fmt::format("tokens ({})", name);
    }
    int const power = highest > 0 ? int(std::floor(std::log10(highest))) : 0;
    rate_scale = std::pow(10.0, power);
    int const height = s.speed ? 700 : 520;
    return fmt::format("runs = {}\npanels = {}\nvalidated = {}\nx_label = \"{}\"\nrate_label = \"learning rate (10^{{{}}})\"\n",
                       runs.size(), s.speed ? 3 : 2, int(validated), x_label, power) +
           support::gnuplot::terminal(s.out, 800, height) + support::plot_script;
  }
};

void plot(settings s) {
  if (s.out.empty())
    s.out = (fs::is_directory(s.runs[0]) ? fs::path(s.runs[0]) : fs::path(s.runs[0]).parent_path()) / "metrics.svg";
  support::gnuplot::check_name("--out", s.out);
  auto const runs = read_runs(s);
  picture p{s};
  auto const script = p.script(runs);  // which chooses the scales
  p.write_curves(runs);
  p.gnuplot.draw(script, s.out);
  support::write(s.out + "\n");
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("plot", "Draws the losses and learning rates of runs", [&](CLI::App& arguments) {
    settings s;
    arguments.add_option("runs", s.runs, "folders of runs, or their metrics.jsonl")->required();
    arguments.add_option("--out", s.out, "a .svg or .png; default: metrics.svg in the first run's folder");
    arguments.add_option("--by", s.by, "tokens or steps: what goes from left to right")
        ->check(CLI::IsMember({"tokens", "steps"}))
        ->capture_default_str();
    arguments.add_flag("--speed", s.speed, "tokens per second as well");
    support::parse(arguments, argc, argv);
    plot(s);
  });
}
