#pragma once
// The names of the weights of a decoder, as in Meta's and Karpathy's code.
namespace cria::nn {

struct embed { static constexpr char name[] = "embed"; };
struct attention_norm { static constexpr char name[] = "attention_norm"; };
struct wq { static constexpr char name[] = "wq"; };
struct wk { static constexpr char name[] = "wk"; };
struct wv { static constexpr char name[] = "wv"; };
struct wo { static constexpr char name[] = "wo"; };
struct ffn_norm { static constexpr char name[] = "ffn_norm"; };
struct w1 { static constexpr char name[] = "w1"; };
struct w2 { static constexpr char name[] = "w2"; };
struct w3 { static constexpr char name[] = "w3"; };
struct norm { static constexpr char name[] = "norm"; };
struct head { static constexpr char name[] = "head"; };

}  // namespace cria::nn
