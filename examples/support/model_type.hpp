#pragma once
// A model's C++ type as text, from the shape in its file.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/model/checkpoint.hpp"

namespace support {

/// The shape in a config.json. The weights are f32 where nothing else says more.
inline cria::llama2::hyperparameters read_config(std::string const& path) {
  cria::io::mapped_file const file(path);
  auto const object = cria::io::parse_json(path, cria::io::as_text(file.bytes()));
  return cria::llama2::detail::read_shape(cria::llama2::detail::config_reader(path, object));
}

/// The shortest C++ literal for a number that files keep as f32: 1e-05, whether the file says that or the f32 nearest it.
inline std::string literal(double x) {
  auto const text = fmt::format("{}", float(x));
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

/// cria::q4_k, or cria::by_layer<...> where layers differ.
inline std::string format_type(cria::layer_formats const& f) {
  if (!f.mixed()) return fmt::format("cria::{}", cria::facts(f.only()).name);
  std::string text;
  for (std::size_t i = 0; i < std::size_t(f.count); ++i)
    text += fmt::format("{}cria::layers_in<{}, cria::{}>", i > 0 ? ", " : "", f.layers[i], cria::facts(f.type[i]).name);
  return fmt::format("cria::by_layer<{}>", text);
}

/// The format most matrices have, and after it the exceptions by weight. Norms are f32 everywhere.
inline std::string formats_type(cria::llama2::hyperparameters const& h) {
  using namespace cria;
  std::map<dtype, int> count;  // of what is not mixed; the embedding never is
  std::vector<std::size_t> matrices;
  for (std::size_t i = 0; i < llama2::weight_names.size(); ++i) {
    auto const name = llama2::weight_name(i);
    if (llama2::detail::is_norm(name) || (name == llama2::weight_name::head && h.tied)) continue;
    matrices.push_back(i);
    if (!h.formats[i].mixed()) ++count[h.formats[i].only()];
  }
  auto const usual = std::max_element(count.begin(), count.end(), [](auto const& a, auto const& b) {
                       return a.second < b.second;
                     })->first;
  auto text = fmt::format("cria::formats<cria::{}", facts(usual).name);
  for (auto const i : matrices)
    if (h.formats[i] != usual)
      text += fmt::format(", cria::stored<cria::llama2::{}, {}>", llama2::weight_names[i], format_type(h.formats[i]));
  return text + ">";
}

/// Declarations of `model`, `formats` and `policy`.
inline std::string model_type(cria::llama2::hyperparameters const& h, std::string_view policy) {
  std::array const extents{std::pair{"embed", h.embed},     std::pair{"layers", h.layers},
                           std::pair{"heads", h.heads},     std::pair{"kv_heads", h.kv_heads},
                           std::pair{"hidden", h.hidden},   std::pair{"vocabulary", h.vocabulary},
                           std::pair{"context", h.context}, std::pair{"head_dim", h.head_dim}};
  std::string list;
  for (auto const& [name, n] : extents) list += fmt::format("{}/*{}*/ {}", list.empty() ? "" : ", ", name, n);
  return fmt::format(
      "struct model : cria::llama2::config<{}> {{\n"
      "  static constexpr double rope_theta = {}, norm_eps = {};\n"
      "  static constexpr bool tied = {};\n"
      "}};\n"
      "using formats = {};\n"
      "using policy = cria::policy::{}<formats>;\n",
      list, literal(h.rope_theta), literal(h.norm_eps), h.tied, formats_type(h), policy);
}

}  // namespace support
