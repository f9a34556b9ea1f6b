#pragma once
// What is known of a model before anything runs: figures, and whether a file is of its shape. No Kokkos.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cria/core/error.hpp"
#include "cria/graph/cost.hpp"
#include "cria/graph/program.hpp"
#include "cria/model/decoder.hpp"
#include "cria/model/hyperparameters.hpp"

namespace cria::llama2 {

/// What a decoder costs under a policy: bytes, and floating-point operations of a token.
struct description {
  long long parameters = 0;
  double weight_bytes = 0;                                          // of all weights, as stored
  double weight_bytes_per_token = 0, cache_bytes_per_position = 0;  // read to decode one token; per cached position
  double flops_per_token = 0, flops_per_position = 0;               // and for each position it attends to
  std::size_t workspace_bytes_per_row = 0;
  int kernels_per_layer = 0;
};

namespace detail {

struct weight_facts {
  std::string_view name;
  int rows, cols, layers;
  layer_formats type;
};

template <class P> void append_weights(std::vector<weight_facts>& to, int layers) {
  static constexpr graph g = P::recorded();
  for (int i = 0; i < g.count; ++i)
    if (node const& n = g.nodes[i]; n.kind == op::weight) to.push_back({g.name(i), n.rows, n.cols, layers, n.type});
}

/// The weights of the stages of decoder D; a tied embedding comes twice.
template <class D, class Policy> std::vector<weight_facts> weights_of() {
  std::vector<weight_facts> r;
  append_weights<forward_of<typename D::embedding, Policy>>(r, 1);
  append_weights<forward_of<typename D::block, Policy>>(r, D::layers);
  append_weights<forward_of<typename D::head, Policy>>(r, 1);
  return r;
}

/// Which of the library's values a slot has; nothing: a value of a user's own.
template <class Slot> inline constexpr std::optional<norm_form> norm_of{};
template <class D, class W> inline constexpr std::optional<norm_form> norm_of<nn::rms_norm<D, W>>{norm_form::rms};
template <class D, class W>
inline constexpr std::optional<norm_form> norm_of<nn::rms_norm_plus_one<D, W>>{norm_form::rms_plus_one};
template <class D, class W> inline constexpr std::optional<norm_form> norm_of<nn::layer_norm<D, W>>{norm_form::layer};
using some_feed_forward = std::optional<feed_forward_form>;
template <class Slot> inline constexpr some_feed_forward feed_forward_of{};
template <class D, class H> inline constexpr some_feed_forward feed_forward_of<nn::swiglu<D, H>>{feed_forward_form::swiglu};
template <class D, class H> inline constexpr some_feed_forward feed_forward_of<nn::geglu<D, H>>{feed_forward_form::geglu};
template <class D, class H>
inline constexpr some_feed_forward feed_forward_of<nn::gelu_mlp<D, H>>{feed_forward_form::gelu_mlp};

}  // namespace detail

template <class D, class Policy> constexpr description describe() {
  constexpr dtype cache = Policy::cache::id;
  constexpr plan const& block = plan_of<forward_of<typename D::block, Policy>>;
  constexpr plan const& embedding = plan_of<forward_of<typename D::embedding, Policy>>;
  constexpr plan const& head = plan_of<forward_of<typename D::head, Policy>>;
  kernel_cost const layer = cost_of(block, cache), first = cost_of(embedding, cache), last = cost_of(head, cache);
  description d{.parameters = D::parameter_count};
  d.weight_bytes_per_token = first.bytes_per_row + layer.weight_bytes * D::layers + last.weight_bytes;
  d.flops_per_token = first.flops_per_row + layer.flops_per_row * D::layers + last.flops_per_row;
  d.flops_per_position = layer.flops_per_position * D::layers;
  d.cache_bytes_per_position = layer.cache_bytes_per_position * D::layers;
  d.kernels_per_layer = block.count;
  int const widest = block.work > head.work ? block.work : head.work;
  d.workspace_bytes_per_row = sizeof(float) * std::size_t(widest > embedding.work ? widest : embedding.work);
  auto const add_weights = [&](plan const& p, int layers, graph const& but) {
    for (int i = 0; i < p.g.count; ++i) {
      node const& n = p.g.nodes[i];
      if (n.kind == op::weight && !detail::has_weight(but, p.g.name(i)))
        d.weight_bytes += bytes_of(n.type, std::size_t(n.cols)) * n.rows * layers;
    }
  };
  add_weights(block, D::layers, graph{}), add_weights(embedding, 1, graph{}), add_weights(head, 1, embedding.g);
  return d;
}

/// Throws cria::error when `h` is another model than decoder D as far as that can be seen: its weights and their
/// shapes, the heads, the numbers of the norms, the rotation, the window and the embedding, and the forms of the norms and
/// the feed-forward part where a slot has one of the library's values. `D` need not have the layout of any published model.
template <class D> void check_shape(hyperparameters const& h, std::string_view where) {
  using V = typename D::variant;
  auto const differs = [&](std::string const& what, std::string const& compiled, std::string const& found) {
    throw error(where, "this program was compiled for another model: " + what, compiled, found);
  };
  auto const check = [&](char const* what, auto compiled, auto found) {
    if (compiled != found) differs(what, std::to_string(compiled), std::to_string(found));
  };
  check("width", V::embed::extent, h.embed);
  check("layers", V::layers, h.layers);
  check("heads", V::query::count, h.heads);
  check("kv heads", V::kv::count, h.kv_heads);
  check("size of a head", V::query::size, h.head_dim);
  check("vocabulary", V::vocabulary::extent, h.vocabulary);
  check("tied head", V::tied, h.tied);
  auto const compiled = detail::weights_of<D, policy::exact<>>();
  auto const all = weights_of(h);
  for (auto const& w : compiled) {
    auto const found = std::find_if(all.begin(), all.end(), [&](auto const& f) { return f.name == w.name; });
    if (found == all.end()) differs("the weight " + std::string(w.name), "it", "none");
    auto const text = [](int rows, int cols) { return "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]"; };
    if (w.rows != found->rows || w.cols != found->cols)
      differs("the weight " + std::string(w.name), text(w.rows, w.cols), text(found->rows, found->cols));
  }
  for (auto const& f : all)
    if (std::none_of(compiled.begin(), compiled.end(), [&](auto const& w) { return w.name == f.name; }))
      differs("the weight " + f.name, "none", "it");
  auto const check_form = [&](std::string const& what, auto const& names, auto compiled_form, auto found) {
    if (compiled_form && *compiled_form != found) differs(what, names[int(*compiled_form)], names[int(found)]);
  };
  auto const check_norm = [&]<class Tag>(Tag) {
    static constexpr char const* names[]{"rms_norm", "rms_norm_plus_one", "layer_norm"};
    check_form(std::string("the form of ") + Tag::name, names, detail::norm_of<typename V::template norm<V, Tag>>, h.norm);
  };
  check_norm(norm{});
  if constexpr (std::is_same_v<typename V::template residual<V>, nn::pre_norm<V>>) {  // others may have no use for the slots
    static constexpr char const* names[]{"swiglu", "geglu", "gelu_mlp"};
    check_norm(attention_norm{}), check_norm(ffn_norm{});
    constexpr auto form = detail::feed_forward_of<typename V::template feed_forward<V>>;
    check_form("the feed-forward part", names, form, h.feed_forward);
  }
  if (!h.learned_positions) {  // files keep these as f32
    check("theta of the rotation", float(V::rope_theta), float(h.rope.theta));
    check("factor of the rotation", float(V::rope_scaling.factor), float(h.rope.factor));
    check("original context of the rotation", V::rope_scaling.original_context, h.rope.original_context);
    if (h.rope.original_context != 0) {
      check("low frequency factor of the rotation", float(V::rope_scaling.low), float(h.rope.low));
      check("high frequency factor of the rotation", float(V::rope_scaling.high), float(h.rope.high));
    }
  }
  if constexpr (requires { V::lora_alpha; }) check("alpha of the adapter", V::lora_alpha, h.adapter.alpha);
  check("window of attention", V::window, h.window);
  check("scale of the embedding", float(V::embedding_scale), float(h.embedding_scale));
  check("epsilon of the norms", float(V::norm_eps), float(h.norm_eps));
}

/// The same, and other formats than those of Policy.
template <class D, class Policy> void check_shape(hyperparameters const& h, std::string_view where) {
  check_shape<D>(h, where);
  for (auto const& w : detail::weights_of<D, Policy>())
    if (w.rows > 1 && w.type != h.format_of(w.name))
      throw error(where, "this program was compiled for another format of " + std::string(w.name), text_of(w.type),
                  text_of(h.format_of(w.name)));
}

}  // namespace cria::llama2
