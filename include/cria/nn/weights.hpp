#pragma once
// The names of the weights of a decoder, as in Meta's and Karpathy's code.
#include <cstddef>
#include <string_view>

namespace cria::nn {

struct embed { static constexpr char name[] = "embed"; };
struct position_embed { static constexpr char name[] = "position_embed"; };
struct attention_norm { static constexpr char name[] = "attention_norm"; };
struct wq { static constexpr char name[] = "wq"; };
struct wk { static constexpr char name[] = "wk"; };
struct wv { static constexpr char name[] = "wv"; };
struct q_norm { static constexpr char name[] = "q_norm"; };
struct k_norm { static constexpr char name[] = "k_norm"; };
struct wo { static constexpr char name[] = "wo"; };
struct ffn_norm { static constexpr char name[] = "ffn_norm"; };
struct w1 { static constexpr char name[] = "w1"; };
struct w2 { static constexpr char name[] = "w2"; };
struct w3 { static constexpr char name[] = "w3"; };
struct norm { static constexpr char name[] = "norm"; };
struct head { static constexpr char name[] = "head"; };

namespace detail {

/// Characters that the compiler puts together.
template <std::size_t N> struct joined {
  char text[N]{};
  constexpr operator std::string_view() const { return {text, N}; }
  constexpr char operator[](std::size_t i) const { return text[i]; }
};
template <std::size_t N, std::size_t M> constexpr joined<N + M - 2> join(char const (&a)[N], char const (&b)[M]) {
  joined<N + M - 2> r;
  for (std::size_t i = 0; i < N - 1; ++i) r.text[i] = a[i];
  for (std::size_t i = 0; i < M - 1; ++i) r.text[N - 1 + i] = b[i];
  return r;
}

}  // namespace detail

/// The bias beside the weight Tag: "wq.bias".
template <class Tag> struct bias { static constexpr auto name = detail::join(Tag::name, ".bias"); };

}  // namespace cria::nn
