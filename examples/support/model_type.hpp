#pragma once
// A model's C++ type as text, from the shape in its file, with the reason for each slot.
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
  return cria::llama2::detail::read_shape(cria::io::mapped_file(path));
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

/// The format most matrices have, and after it the exceptions by weight. Vectors are f32 everywhere, and so are adapters,
/// which are not listed.
inline std::string formats_type(cria::llama2::hyperparameters h) {
  using namespace cria;
  h.adapter = {};
  std::map<dtype, int> count;  // of what is not mixed; the embedding never is
  auto const all = llama2::weights_of(h);
  for (auto const& w : all)
    if (!w.vector && !h.format_of(w.name).mixed()) ++count[h.format_of(w.name).only()];
  auto const usual = std::ranges::max_element(count, {}, [](auto const& f) { return f.second; })->first;
  auto text = fmt::format("cria::formats<cria::{}", facts(usual).name);
  for (auto const& w : all)
    if (auto const f = h.format_of(w.name); !w.vector && f != usual)
      text += fmt::format(", cria::stored<cria::llama2::{}, {}>", w.name, format_type(f));
  return text + ">";
}

/// A slot's declaration, or that of a constant, and why.
struct slot_line {
  std::string declaration, reason;
};

/// The slots in which a model differs from llama2::config, and for the others the reason alone.
inline std::vector<slot_line> slots_of(cria::llama2::hyperparameters const& h) {
  using namespace cria::llama2;
  std::vector<slot_line> lines;
  auto const add = [&](std::string declaration, std::string reason) {
    lines.push_back({std::move(declaration), std::move(reason)});
  };
  std::string const part = "template <class D> using ";

  std::string biased;
  if (h.qkv_bias) biased = "wq, wk, wv";
  if (h.wo_bias) biased += biased.empty() ? "wo" : ", wo";
  if (h.feed_forward_bias)
    biased += std::string(biased.empty() ? "" : ", ") + (h.feed_forward == feed_forward_form::gelu_mlp ? "w1, w2" : "w1, w2, w3");
  if (biased.empty()) {
    add("", "linear: the matrices have no biases");
  } else {
    std::string tags;
    for (std::size_t i = 0; i < biased.size(); i += 4)
      tags += fmt::format("{}cria::llama2::{}", i > 0 ? ", " : "", biased.substr(i, 2));
    add(fmt::format("template <class Tag, class Out, class In> using linear = "
                    "typename cria::nn::linear_with_biases<{}>::template on<Tag, Out, In>;",
                    tags),
        fmt::format("linear: {} have biases", biased));
  }
  add(fmt::format("static constexpr double norm_eps = {};", literal(h.norm_eps)), "norm: the epsilon of the file");
  if (h.norm == norm_form::rms) add("", "norm: by the root of the mean square");
  if (h.norm == norm_form::rms_plus_one)
    add("template <class D, class Tag> using norm = cria::nn::rms_norm_plus_one<D, Tag>;",
        "norm: Gemma's weights are what is added to 1");
  if (h.norm == norm_form::layer)
    add("template <class D, class Tag> using norm = cria::nn::layer_norm<D, Tag>;", "norm: about the mean, with biases");
  if (h.learned_positions) {
    add(part + "position = cria::nn::learned_positions<D>;", "position: a table of positions is added to the embedding");
  } else {
    add(fmt::format("static constexpr double rope_theta = {};", literal(h.rope.theta)), "position: rotary");
    if (h.rope.original_context != 0)
      add(fmt::format(
              "static constexpr cria::rotation rope_scaling{{.factor = {}, .low = {}, .high = {}, .original_context = {}}};",
              literal(h.rope.factor), literal(h.rope.low), literal(h.rope.high), h.rope.original_context),
          "position: stretched by the rule of Llama 3");
    else if (h.rope.factor != 1)
      add(fmt::format("static constexpr cria::rotation rope_scaling{{.factor = {}}};", literal(h.rope.factor)),
          "position: all angles are divided by the factor");
  }
  if (h.window > 0)
    add(fmt::format("static constexpr int window = {};", h.window), "attention: a row sees the last positions only");
  if (h.qk_norm)
    add(part + "attention = cria::nn::attention_with_norms<D>;", "attention: queries and keys are normalised head by head");
  else
    add("", h.kv_heads < h.heads ? fmt::format("attention: {} query heads for each kv head", h.heads / h.kv_heads)
                                 : "attention: a kv head for each query head");
  if (h.feed_forward == feed_forward_form::swiglu) add("", "feed_forward: gated by silu");
  if (h.feed_forward == feed_forward_form::geglu) add(part + "feed_forward = cria::nn::geglu<D>;", "feed_forward: gated by gelu");
  if (h.feed_forward == feed_forward_form::gelu_mlp)
    add(part + "feed_forward = cria::nn::gelu_mlp<D>;", "feed_forward: gelu without a gate");
  add("", "residual: norms before the parts");
  if (h.embedding_scale != 1) {
    add(fmt::format("static constexpr double embedding_scale = cria::nn::root({});", h.embed),
        "embedding: times the root of the width");
    add(part + "embedding = cria::nn::scaled_embedding<D>;", "");
  } else {
    add("", "embedding: as it is");
  }
  add(fmt::format("static constexpr bool tied = {};", h.tied), h.tied ? "head: the embedding" : "head: a matrix of its own");
  return lines;
}

/// Declarations of a struct `name` with the model's slots, and of `formats` and `policy`. With an adapter the struct is
/// `name`_alone, and `name` what nn::adapted makes of it.
inline std::string model_type(cria::llama2::hyperparameters const& h, std::string_view policy,
                              std::string const& name = "model") {
  std::array const extents{std::pair{"embed", h.embed},     std::pair{"layers", h.layers},
                           std::pair{"heads", h.heads},     std::pair{"kv_heads", h.kv_heads},
                           std::pair{"hidden", h.hidden},   std::pair{"vocabulary", h.vocabulary},
                           std::pair{"context", h.context}, std::pair{"head_dim", h.head_dim}};
  std::string list, body;
  for (auto const& [extent, n] : extents) list += fmt::format("{}/*{}*/ {}", list.empty() ? "" : ", ", extent, n);
  for (auto const& [declaration, reason] : slots_of(h)) {
    body += "  " + declaration;
    if (!reason.empty()) body += fmt::format("{}// {}", declaration.empty() ? "" : "  ", reason);
    body += '\n';
  }
  auto formats = formats_type(h), alone = name, adapted = std::string();
  if (auto const& a = h.adapter; a.rank > 0) {
    alone += "_alone", formats = fmt::format("{}::formats_of<{}>", name, formats);
    adapted = fmt::format("using {} = cria::nn::adapted<{}, /*rank*/ {}, /*alpha*/ {}", name, alone, a.rank, a.alpha);
    for (auto const& m : a.matrices) adapted += ", cria::llama2::" + m;
    adapted += ">;\n";
  }
  return fmt::format(
      "struct {} : cria::llama2::config<{}> {{\n{}}};\n{}using formats = {};\nusing policy = cria::policy::{}<formats>;\n", alone,
      list, body, adapted, formats, policy);
}

}  // namespace support
