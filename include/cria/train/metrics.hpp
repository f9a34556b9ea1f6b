#pragma once
// The log of a run: a line of JSON for each step.
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/io/atomic_file.hpp"
#include "cria/io/json.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/train/trainer.hpp"

namespace cria::train {

/// The numbers of a line by name, in their order; validation_loss is null where there is none.
inline constexpr std::array<std::string_view, 10> metric_names{
    "step",       "tokens", "loss", "validation_loss", "gradient_norm", "rate", "tokens_per_second", "flops_per_second",
    "peak_share", "seconds"};

inline std::string to_line(step_record const& r) {
  nlohmann::ordered_json const line{{"step", r.done.step},
                                    {"tokens", r.done.tokens},
                                    {"loss", r.loss},
                                    {"validation_loss", r.validation_loss ? io::json(*r.validation_loss) : io::json()},
                                    {"gradient_norm", r.gradient_norm},
                                    {"rate", r.rate},
                                    {"tokens_per_second", r.tokens_per_second},
                                    {"flops_per_second", r.flops_per_second},
                                    {"peak_share", r.peak_share},
                                    {"seconds", r.done.seconds}};
  return line.dump() + "\n";
}

/// Throws cria::error for what to_line didn't write.
inline step_record parse_line(std::string const& where, std::string_view text) {
  auto const line = io::parse_json(where, text);
  auto const number = [&](std::string_view name) {
    auto const found = line.is_object() ? line.find(name) : line.end();
    if (found == line.end() || !found->is_number())
      throw error(where, "not a line of metrics", fmt::format("a number called {}", name), "none");
    return found->template get<double>();
  };
  auto const whole = [&](std::string_view name) {
    double const x = number(name);
    if (!(x >= 0 && x < 1e18)) throw error(where, fmt::format("{} is out of range", name));
    return long(x);
  };
  step_record r;
  r.done = {whole("step"), whole("tokens"), number("seconds")};
  r.loss = number("loss"), r.gradient_norm = number("gradient_norm"), r.rate = number("rate");
  r.tokens_per_second = number("tokens_per_second"), r.flops_per_second = number("flops_per_second"),
  r.peak_share = number("peak_share");
  if (auto const v = line.find("validation_loss"); v != line.end() && !v->is_null())
    r.validation_loss = number("validation_loss");
  return r;
}

/// All steps in a log. A last line that is not whole, as a killed run may leave it, is passed over.
inline std::vector<step_record> read_metrics(std::string const& path) {
  io::mapped_file const file(path);
  auto text = io::as_text(file.bytes());
  text = text.substr(0, text.rfind('\n') + 1);
  std::vector<step_record> all;
  while (!text.empty()) {
    auto const end = text.find('\n');
    all.push_back(parse_line(fmt::format("{}, line {}", path, all.size() + 1), text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
  return all;
}

inline std::string as_csv(std::vector<step_record> const& all) {
  std::string out = fmt::format("{}\n", fmt::join(metric_names, ","));
  for (auto const& r : all)
    out += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", r.done.step, r.done.tokens, r.loss,
                       r.validation_loss ? fmt::format("{}", *r.validation_loss) : "", r.gradient_norm, r.rate,
                       r.tokens_per_second, r.flops_per_second, r.peak_share, r.done.seconds);
  return out;
}

/// Appends to a log. Of what is in the file already, steps after `done` are dropped: a run that goes on takes them
/// again.
class metrics_log {
 public:
  metrics_log(std::string path, long done) : path_(std::move(path)) {
    std::string kept;
    if (std::filesystem::exists(path_))
      for (auto const& r : read_metrics(path_))
        if (r.done.step <= done) kept += to_line(r);
    io::write_file(path_, kept);
    out_.open(path_, std::ios::binary | std::ios::app);
  }

  void add(step_record const& r) {
    if (!(out_ << to_line(r) << std::flush)) throw error(path_, "cannot be written");
  }

 private:
  std::string path_;
  std::ofstream out_;
};

}  // namespace cria::train
