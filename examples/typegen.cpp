// Writes the C++ type of a model from its file's metadata. `run` compiles what it prints.
#include "support/program.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <map>

#include "cria/model/checkpoint.hpp"

namespace {

using namespace cria;
using llama2::hyperparameters;

hyperparameters read(std::string const& path) {
  if (!path.ends_with(".json")) return llama2::checkpoint::open(path).shape();
  io::mapped_file const file(path);  // a shape alone: the weights will be f32
  auto const object = io::parse_json(path, io::as_text(file.bytes()));
  return llama2::detail::read_shape(llama2::detail::config_reader(path, object));
}

/// A double as a C++ literal that reads back as the same number.
std::string literal(double x) {
  auto const text = fmt::format("{}", x);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

/// The format most matrices have, and after it the exceptions by weight. Norms are f32 everywhere.
std::string formats(hyperparameters const& h) {
  std::map<dtype, int> count;
  std::vector<std::size_t> matrices;
  for (std::size_t i = 0; i < llama2::weight_names.size(); ++i) {
    auto const name = llama2::weight_name(i);
    if (llama2::detail::is_norm(name) || (name == llama2::weight_name::head && h.tied)) continue;
    matrices.push_back(i);
    ++count[h.formats[i]];
  }
  auto const usual = std::max_element(count.begin(), count.end(), [](auto const& a, auto const& b) { return a.second < b.second; })->first;
  auto text = fmt::format("cria::formats<cria::{}", facts(usual).name);
  for (auto const i : matrices)
    if (h.formats[i] != usual)
      text += fmt::format(", cria::stored<cria::llama2::{}, cria::{}>", llama2::weight_names[i], facts(h.formats[i]).name);
  return text + ">";
}

std::string source(hyperparameters const& h, std::string const& policy) {
  std::array const extents{std::pair{"embed", h.embed},         std::pair{"layers", h.layers}, std::pair{"heads", h.heads},
                           std::pair{"kv_heads", h.kv_heads},   std::pair{"hidden", h.hidden}, std::pair{"vocabulary", h.vocabulary},
                           std::pair{"context", h.context},     std::pair{"head_dim", h.head_dim}};
  std::string list;
  for (auto const& [name, n] : extents) list += fmt::format("{}/*{}*/ {}", list.empty() ? "" : ", ", name, n);
  return fmt::format(
      "// The type of a model, written by typegen.\n"
      "#include \"cria/model.hpp\"\n\n"
      "struct model : cria::llama2::config<{}> {{\n"
      "  static constexpr double rope_theta = {}, norm_eps = {};\n"
      "  static constexpr bool tied = {};\n"
      "}};\n"
      "using formats = {};\n"
      "using policy = cria::policy::{}<formats>;\n",
      list, literal(h.rope_theta), literal(h.norm_eps), h.tied, formats(h), policy);
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("typegen", "Writes the C++ type of a model", [&](CLI::App& arguments) {
    std::string model, policy = "fast";
    arguments.add_option("--model", model, "a .gguf, a llama2.c .bin, a Hugging Face folder, or a config.json")->required();
    arguments.add_option("--policy", policy, "precision of the arithmetic")->check(CLI::IsMember({"exact", "fast"}));
    support::parse(arguments, argc, argv);
    support::write(source(read(model), policy));
  });
}
