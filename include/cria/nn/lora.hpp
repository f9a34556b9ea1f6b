#pragma once
// Low-rank adapters of the linear slot: W x + alpha / rank B (A x), of which B and A are trained (Hu et al. 2021,
// arXiv 2106.09685).
#include "cria/expr.hpp"
#include "cria/graph/differentiate.hpp"
#include "cria/graph/policy.hpp"
#include "cria/nn/linear.hpp"

namespace cria::nn {

/// The two matrices beside the matrix Tag, as peft names them: "wq.lora_a" [rank, in] and "wq.lora_b" [out, rank].
template <class Tag> struct lora_a { static constexpr auto name = detail::join(Tag::name, ".lora_a"); };
template <class Tag> struct lora_b { static constexpr auto name = detail::join(Tag::name, ".lora_b"); };
struct lora_rank { static constexpr char name[] = "rank"; };

namespace detail {
template <class Linear> inline constexpr bool names_a_matrix = false;
}

/// Linear, a value of the linear slot, with an adapter: [token, In] -> [token, Out]. Linear may add a bias or do what it
/// likes.
template <class Linear, int Rank, int Alpha> struct lora {
  static_assert(detail::names_a_matrix<Linear>,
                "lora<Linear, Rank, Alpha>: Linear must be a template on the matrix: Linear<Tag, Out, In>");
};
template <template <class, class, class> class Linear, class Tag, class Out, class In, int Rank, int Alpha>
struct lora<Linear<Tag, Out, In>, Rank, Alpha> {
  static_assert(Rank > 1, "lora<Linear, Rank, Alpha>: the rank must be at least 2");
  using R = axis<lora_rank, Rank>;
  static constexpr auto forward(auto x) {
    // The factor stands where there are fewest values.
    auto const low = matmul(x, weight<lora_a<Tag>, R, In>) * (double(Alpha) / Rank);
    auto const y = Linear<Tag, Out, In>::forward(x);
    return y + matmul(low, weight<lora_b<Tag>, Out, R>);
  }
};

/// Variant with adapters of the matrices Tags: `nn::adapted<llama2::config_7b, 8, 16, nn::wq, nn::wv>`.
template <class Variant, int Rank, int Alpha, class... Tags> struct adapted : Variant {
  static constexpr int lora_alpha = Alpha;  // the rank is seen in the weights
  template <class Tag, class Out, class In> using linear =
      std::conditional_t<one_of<Tag, Tags...>, lora<typename Variant::template linear<Tag, Out, In>, Rank, Alpha>,
                         typename Variant::template linear<Tag, Out, In>>;

  /// What is trained where the rest is frozen.
  using adapters = train_weights::only<lora_a<Tags>..., lora_b<Tags>...>;
  /// Formats for the rest, f32 for the adapters.
  template <class Formats> struct and_f32;
  template <class Default, class... Exceptions> struct and_f32<formats<Default, Exceptions...>> {
    using type = formats<Default, Exceptions..., stored<lora_a<Tags>, f32>..., stored<lora_b<Tags>, f32>...>;
  };
  template <class Formats> using formats_of = typename and_f32<Formats>::type;
};

}  // namespace cria::nn
