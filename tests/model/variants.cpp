// Variants as types: published sizes, slots, and figures that are known before anything runs.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/model/describe.hpp"

using namespace cria;

namespace {

/// The parameters of a Llama by hand: norms, attention, feed-forward, embedding and head.
constexpr long long by_hand(long long embed, long long layers, long long heads, long long kv_heads, long long head,
                            long long hidden, long long vocabulary, bool tied) {
  long long const attention = 2 * embed * heads * head + 2 * embed * kv_heads * head;
  return layers * (attention + 3 * embed * hidden + 2 * embed) + embed + vocabulary * embed * (tied ? 1 : 2);
}

template <class V> constexpr bool counts(long long published) {
  long long const hand = by_hand(V::embed::extent, V::layers, V::query::count, V::kv::count, V::query::size,
                                 V::hidden::extent, V::vocabulary::extent, V::tied);
  return llama2::decoder<V>::parameter_count == published && hand == published;
}

// Touvron et al. 2023; Code Llama's config for 34B.
static_assert(counts<llama2::config_7b>(6'738'415'616));
static_assert(counts<llama2::config_13b>(13'015'864'320));
static_assert(counts<llama2::config_34b>(33'743'970'304));
static_assert(counts<llama2::config_70b>(68'976'648'192));
// llama2.c's models, TinyLlama, SmolLM2.
static_assert(counts<llama2::config_stories260k>(260'032));
static_assert(counts<llama2::config_stories15m>(15'191'712));
static_assert(counts<llama2::config_stories42m>(41'689'600));
static_assert(counts<llama2::config_stories110m>(109'529'856));
static_assert(counts<llama2::config_tinyllama_1b>(1'100'048'384));
static_assert(counts<llama2::config_smollm2_135m>(134'515'008));

template <class V>
constexpr llama2::description figures = llama2::describe<llama2::decoder<V>, policy::fast<formats<bf16>>>();

// The paper's cache at 16 bits; the weights at 16 bits, but for the norms.
static_assert(figures<llama2::config_7b>.cache_bytes_per_position == 524'288);
static_assert(figures<llama2::config_13b>.cache_bytes_per_position == 819'200);
static_assert(figures<llama2::config_34b>.cache_bytes_per_position == 196'608);
static_assert(figures<llama2::config_70b>.cache_bytes_per_position == 327'680);
static_assert(figures<llama2::config_7b>.weight_bytes == 2.0 * 6'738'415'616 + 2.0 * 65 * 4096);
static_assert(figures<llama2::config_7b>.kernels_per_layer == 5 && figures<llama2::config_70b>.kernels_per_layer == 5);

struct narrow_hidden : llama2::config_7b {
  template <class D> using feed_forward = nn::swiglu<D, axis<llama2::axes::hidden, 8192>>;
};
static_assert(llama2::decoder<narrow_hidden>::parameter_count == 6'738'415'616 - 32LL * 3 * 4096 * (11008 - 8192));

/// A part sees what the variant overrides: an alias in a base would not.
struct wider : narrow_hidden {
  using embed = axis<llama2::axes::embed, 5120>;
  using vocabulary = axis<llama2::axes::vocabulary, 48000>;
};
static_assert(llama2::decoder<wider>::parameter_count == by_hand(5120, 32, 32, 32, 128, 8192, 48000, false));

struct shared_keys : llama2::config_7b {
  using kv = heads<llama2::axes::kv, 4, 128>;
};
static_assert(llama2::decoder<shared_keys>::parameter_count == by_hand(4096, 32, 32, 4, 128, 11008, 32000, false));

struct relu {
  static constexpr char name[] = "relu";
  static constexpr auto apply(auto x) { return x > 0 ? x : 0; }
};
/// A feed-forward without a gate.
template <class D> struct plain_feed_forward {
  static constexpr auto forward(auto h) {
    return matmul(map<relu>(matmul(h, weight<nn::w1, typename D::hidden, typename D::embed>)),
                  weight<nn::w2, typename D::embed, typename D::hidden>);
  }
};
struct ungated : llama2::config_7b {
  template <class D> using feed_forward = plain_feed_forward<D>;
};
static_assert(llama2::decoder<ungated>::parameter_count == 6'738'415'616 - 32LL * 4096 * 11008);
static_assert(figures<ungated>.kernels_per_layer == 5);

/// A layer without its second norm: the slot is a template on the weight it uses.
template <class D, class Tag> struct no_norm {
  static constexpr auto forward(auto x) { return x; }
};
template <class D, class Tag> struct norm_but_one : nn::rms_norm<D, Tag> {};
template <class D> struct norm_but_one<D, nn::ffn_norm> : no_norm<D, nn::ffn_norm> {};
struct one_norm : llama2::config_7b {
  template <class D, class Tag> using norm = norm_but_one<D, Tag>;
};
static_assert(llama2::decoder<one_norm>::parameter_count == 6'738'415'616 - 32LL * 4096);

}  // namespace

namespace {

struct small : llama2::config<32, 2, 4, 2, 64, 40, 64> {};
struct one_plus : small {
  template <class D, class Tag> using norm = nn::rms_norm_plus_one<D, Tag>;
};
struct gated_by_gelu : small {
  template <class D> using feed_forward = nn::geglu<D, axis<llama2::axes::hidden, 64>>;
};
template <class D, class Tag> struct own_norm : nn::rms_norm<D, Tag> {};
template <class D> struct own_feed_forward : nn::swiglu<D> {};
struct own : small {
  template <class D, class Tag> using norm = own_norm<D, Tag>;
  template <class D> using feed_forward = own_feed_forward<D>;
};
template <class D> struct own_residual : nn::pre_norm<D> {};
struct own_layer : small {
  template <class D> using residual = own_residual<D>;
};
struct stretched : small {
  static constexpr rotation rope_scaling{.factor = 8, .low = 1, .high = 4, .original_context = 32};
};

}  // namespace

TEST_CASE("a file whose parts have other forms is another model, where the slots are the library's") {
  using namespace llama2;
  using Catch::Matchers::EndsWith;
  hyperparameters const h{
      .embed = 32, .layers = 2, .heads = 4, .kv_heads = 2, .head_dim = 8, .hidden = 64, .vocabulary = 40, .context = 64};
  auto const with = [&](auto const& change) {
    auto changed = h;
    change(changed);
    return changed;
  };
  auto const plus = with([](auto& x) { x.norm = norm_form::rms_plus_one; }),
             gelu = with([](auto& x) { x.feed_forward = feed_forward_form::geglu; }),
             rule = with([](auto& x) { x.rope = stretched::rope_scaling; });
  CHECK_NOTHROW(check_shape<decoder<small>>(h, "f"));
  CHECK_NOTHROW(check_shape<decoder<one_plus>>(plus, "f"));
  CHECK_NOTHROW(check_shape<decoder<gated_by_gelu>>(gelu, "f"));
  CHECK_NOTHROW(check_shape<decoder<stretched>>(rule, "f"));
  CHECK_THROWS_WITH(check_shape<decoder<one_plus>>(h, "f"),
                    EndsWith("the form of norm (expected rms_norm_plus_one, found rms_norm)"));
  CHECK_THROWS_WITH(check_shape<decoder<small>>(plus, "f"),
                    EndsWith("the form of norm (expected rms_norm, found rms_norm_plus_one)"));
  CHECK_THROWS_WITH(check_shape<decoder<gated_by_gelu>>(h, "f"),
                    EndsWith("the feed-forward part (expected geglu, found swiglu)"));
  CHECK_THROWS_WITH(check_shape<decoder<small>>(gelu, "f"), EndsWith("the feed-forward part (expected swiglu, found geglu)"));
  CHECK_THROWS_WITH(check_shape<decoder<stretched>>(with([](auto& x) { x.rope = stretched::rope_scaling, x.rope.low = 2; }), "f"),
                    EndsWith("low frequency factor of the rotation (expected 1.000000, found 2.000000)"));
  CHECK_THROWS_WITH(
      check_shape<decoder<stretched>>(with([](auto& x) { x.rope = stretched::rope_scaling, x.rope.high = 8; }), "f"),
      EndsWith("high frequency factor of the rotation (expected 4.000000, found 8.000000)"));
  CHECK_NOTHROW(check_shape<decoder<own>>(plus, "f"));
  CHECK_NOTHROW(check_shape<decoder<own>>(gelu, "f"));
  CHECK_NOTHROW(check_shape<decoder<own_layer>>(gelu, "f"));  // which may have no feed-forward part of that slot
}

TEST_CASE("figures of a model that tell what a token costs") {
  auto const& d = figures<llama2::config_smollm2_135m>;
  double const matrices = 134'515'008 - 61 * 576;
  CHECK(d.flops_per_token > 2 * matrices);
  CHECK(d.flops_per_token < 2.02 * matrices);
  CHECK(d.flops_per_position == 4.0 * 576 * 30);
  CHECK(d.weight_bytes == 2 * matrices + 4 * 61 * 576);
  CHECK(d.weight_bytes_per_token > d.weight_bytes);  // a row of the embedding on top of the head
  CHECK(d.weight_bytes_per_token < d.weight_bytes + 2 * 576 * 4);
}
