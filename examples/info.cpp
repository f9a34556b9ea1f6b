// What is known of a model from its file and its type.
#include "support/program.hpp"

#include <map>

#include <nlohmann/json.hpp>

#include "cria/model/describe.hpp"
#include "support/compiled.hpp"
#include "support/model.hpp"
#include "support/model_facts.hpp"
#include "support/model_type.hpp"

namespace {

using namespace cria;
using llama2::hyperparameters;

/// Bytes in the file by the name of their format; a tied head counts once.
std::map<std::string, std::uint64_t> bytes_by_format(hyperparameters const& h) {
  std::map<std::string, std::uint64_t> bytes;
  for (auto const& w : llama2::weights_of(h)) {
    auto const& f = h.format_of(w.name);
    for (std::size_t k = 0; k < std::size_t(f.count); ++k)
      bytes[std::string(facts(f.type[k]).name)] += bytes_of(f.type[k], std::size_t(w.cols)) * std::uint64_t(w.rows) *
                                                   std::uint64_t(f.mixed() ? f.layers[k] : w.once ? 1 : h.layers);
  }
  return bytes;
}

struct facts_of_model {
  llama2::checkpoint const& file;
  llama2::description compiled;
  std::map<std::string, std::uint64_t> bytes;

  static std::int64_t whole(double x) { return std::int64_t(x); }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (auto const& [name, n] : bytes) sum += n;
    return sum;
  }

  std::string json() const {
    auto const& h = file.shape();
    nlohmann::ordered_json out;
    out["file"] = file.path();
    out["format"] = file.format_name();
    out["shape"] = {{"embed", h.embed},           {"layers", h.layers},     {"heads", h.heads},
                    {"kv_heads", h.kv_heads},     {"head_dim", h.head_dim}, {"hidden", h.hidden},
                    {"vocabulary", h.vocabulary}, {"context", h.context},   {"rope_theta", h.rope.theta},
                    {"norm_eps", h.norm_eps},     {"tied", h.tied},         {"window", h.window}};
    for (auto const& [part, words] : support::parts_of(h)) out["parts"][part] = words;
    out["parameters"] = compiled.parameters;
    out["bytes"] = bytes;
    out["weight_bytes"] = total();
    out["cache_bytes_per_token"] = whole(compiled.cache_bytes_per_position);
    out["flops_per_token"] = whole(compiled.flops_per_token);
    out["flops_per_token_and_position"] = whole(compiled.flops_per_position);
    out["weight_bytes_read_per_token"] = whole(compiled.weight_bytes_per_token);
    out["kernels_per_layer"] = compiled.kernels_per_layer;
    out["policy"] = support::compiled_policy();
    out["type"] = support::model_type(h, support::compiled_policy());
    return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }

  std::string text() const {
    auto const& h = file.shape();
    std::string stored;
    for (auto const& [name, n] : bytes)
      stored += fmt::format("{}{} {:.1f} MB", stored.empty() ? "" : ", ", name, double(n) / 1e6);
    std::string out = fmt::format("file         {} ({})\n", file.path(), file.format_name());
    out += fmt::format(
        "shape        width {}, {} layers, {} heads of {}, {} kv heads, hidden width {}, vocabulary {}, context {}\n",
        h.embed, h.layers, h.heads, h.head_dim, h.kv_heads, h.hidden, h.vocabulary, h.context);
    for (auto const& [part, words] : support::parts_of(h)) out += fmt::format("{:13}{}\n", part, words);
    out += fmt::format("parameters   {}\n", compiled.parameters);
    out += fmt::format("weights      {:.1f} MB: {}\n", double(total()) / 1e6, stored);
    out += fmt::format("cache        {:.0f} bytes per token\n", compiled.cache_bytes_per_position);
    out += fmt::format(
        "one token    {:.1f} MFLOP, and {:.3f} MFLOP for each token before it; {:.1f} MB of weights read\n",
        compiled.flops_per_token / 1e6, compiled.flops_per_position / 1e6, compiled.weight_bytes_per_token / 1e6);
    out +=
        fmt::format("kernels      {} per layer, policy {}\n", compiled.kernels_per_layer, support::compiled_policy());
    return out + "type         cria::llama2::decoder<model>, with\n" +
           support::model_type(h, support::compiled_policy());
  }
};

}  // namespace

int main(int argc, char** argv) {
  return support::run("info", "Shape, size and type of a model", [&](CLI::App& arguments) {
    support::model_arguments model;
    bool json = false;
    model.add_files(arguments);
    model.add_adapter(arguments);
    model.add_policy(arguments);
    arguments.add_flag("--json", json, "one object");
    support::parse(arguments, argc, argv);
    model.check_policy(support::compiled_policy());
    auto const file = model.open();
    facts_of_model const facts{file, support::describe_model(), bytes_by_format(file.shape())};
    if (facts.compiled.weight_bytes != double(facts.total()))
      throw error(model.file, "this program was compiled for another model",
                  fmt::format("{} bytes of weights", facts.compiled.weight_bytes), fmt::format("{}", facts.total()));
    support::write(json ? facts.json() : facts.text());
  });
}
