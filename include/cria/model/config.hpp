#pragma once
// Configurations: what a decoder is made of. A variant derives from one and overrides what differs.
#include "cria/nn.hpp"

namespace cria::llama2 {

using nn::attention_norm, nn::embed, nn::ffn_norm, nn::head, nn::k_norm, nn::norm, nn::position_embed, nn::q_norm,
    nn::w1, nn::w2, nn::w3, nn::wk, nn::wo, nn::wq, nn::wv;

namespace axes {
struct embed { static constexpr char name[] = "embed"; };
struct query { static constexpr char name[] = "query"; };
struct kv { static constexpr char name[] = "kv"; };
struct hidden { static constexpr char name[] = "hidden"; };
struct vocabulary { static constexpr char name[] = "vocabulary"; };
}  // namespace axes

/// A decoder of Llama's architecture. Slots are templates on the variant, so that a part sees what the variant overrides:
///
///     struct my_variant : llama2::config_7b {
///       template <class D> using feed_forward = nn::swiglu<D, axis<llama2::axes::hidden, 8192>>;
///     };
///
/// The numbers are those of values, layers and heads; config_7b and others in this header are published models.
template <int Embed, int Layers, int Heads, int KvHeads, int Hidden, int Vocabulary, int Context, int HeadSize = Embed / Heads>
struct config {
  using embed = axis<axes::embed, Embed>;                 // the width of the residual stream
  using query = heads<axes::query, Heads, HeadSize>;      // all queries of a row
  using kv = heads<axes::kv, KvHeads, HeadSize>;          // all keys of a row, and all values
  using hidden = axis<axes::hidden, Hidden>;              // the width within the feed-forward part
  using vocabulary = axis<axes::vocabulary, Vocabulary>;  // the tokens
  static constexpr int layers = Layers, context = Context;
  static constexpr double rope_theta = 1e4, norm_eps = 1e-5, embedding_scale = 1;
  static constexpr rotation rope_scaling{};  // but for theta
  static constexpr int window = 0;           // positions that a row attends to; 0: all
  static constexpr bool tied = false;        // the output matrix is the embedding

  template <class Tag, class Out, class In> using linear = nn::linear<Tag, Out, In>;  // how the matrix Tag is applied
  template <class D, class Tag> using norm = nn::rms_norm<D, Tag>;                    // of rows, with the weight Tag
  template <class D> using position = nn::rotary<D>;                                  // how a row learns where it stands
  template <class D> using attention = nn::attention<D>;                              // [token, embed] -> [token, embed]
  template <class D> using feed_forward = nn::swiglu<D>;                              // [token, embed] -> [token, embed]
  template <class D> using residual = nn::pre_norm<D>;                                // how both are put together
  template <class D, class Point> using hook = nn::no_hook<D, Point>;                 // what stands at a place besides
  template <class D> using embedding = nn::token_embedding<D>;                        // tokens -> [token, embed]
  template <class D> using head = nn::output_head<D>;                                 // [token, embed] -> [token, vocabulary]
};

// Touvron et al. 2023, arXiv 2307.09288, table 1 and appendix; 34B as Code Llama 34B.
struct config_7b : config<4096, 32, 32, 32, 11008, 32000, 4096> {};
struct config_13b : config<5120, 40, 40, 40, 13824, 32000, 4096> {};
struct config_34b : config<8192, 48, 64, 8, 22016, 32000, 4096> {};
struct config_70b : config<8192, 80, 64, 8, 28672, 32000, 4096> {};

// github.com/karpathy/llama2.c, models trained on TinyStories; head and embedding are one.
struct config_stories260k : config<64, 5, 8, 4, 172, 512, 512> { static constexpr bool tied = true; };
struct config_stories15m : config<288, 6, 6, 6, 768, 32000, 256> { static constexpr bool tied = true; };
struct config_stories42m : config<512, 8, 8, 8, 1376, 32000, 1024> { static constexpr bool tied = true; };
struct config_stories110m : config<768, 12, 12, 12, 2048, 32000, 1024> { static constexpr bool tied = true; };

// Zhang et al. 2024, arXiv 2401.02385.
struct config_tinyllama_1b : config<2048, 22, 32, 4, 5632, 32000, 2048> {};

// Allal et al. 2025, arXiv 2502.02737.
struct config_smollm2_135m : config<576, 30, 9, 3, 1536, 49152, 8192> {
  static constexpr double rope_theta = 1e5;
  static constexpr bool tied = true;
};

}  // namespace cria::llama2
