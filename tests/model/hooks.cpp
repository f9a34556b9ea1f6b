// Hooks and captures: what is put in is computed, what is left alone is no node, and what is captured is what the rows were.
#include <catch2/catch_test_macros.hpp>

#include <cstring>

#include "cria/expr/plain.hpp"
#include "cria/model/decoder.hpp"
#include "cria/model/describe.hpp"
#include "cria/run/check_gradients.hpp"
#include "cria/run/session.hpp"
#include "support/difference.hpp"
#include "support/kokkos.hpp"
#include "support/same_graph.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct small : llama2::config<24, 3, 3, 1, 36, 21, 64, 8> {};
using plain_model = llama2::decoder<small>;

/// Llama's stages with no word of hooks.
template <class D>
struct bare_layer {
  using input = shape<tokens, typename D::embed>;
  static constexpr auto forward(auto x) {
    auto h = x + nn::attention<D>::forward(nn::rms_norm<D, nn::attention_norm>::forward(x));
    return h + nn::swiglu<D>::forward(nn::rms_norm<D, nn::ffn_norm>::forward(h));
  }
};
struct bare_embedding {
  using input = token_ids;
  static constexpr auto forward(auto ids) { return nn::token_embedding<small>::forward(ids); }
};
struct bare_head {
  using input = shape<tokens, small::embed>;
  static constexpr auto forward(auto x) {
    return nn::output_head<small>::forward(nn::rms_norm<small, nn::norm>::forward(x));
  }
};
static_assert(same_graph<plain_model::block, bare_layer<small>>());
static_assert(same_graph<plain_model::embedding, bare_embedding>() && same_graph<plain_model::head, bare_head>());

struct seen : small {
  template <class D, class Point>
  using hook =
      nn::captured_at<D, Point, nn::after_embedding, nn::after_attention, nn::between, nn::after_layer, nn::after_norm>;
};
using seen_model = llama2::decoder<seen>;
static_assert(!same_graph<seen_model::block, bare_layer<small>>());

/// The residual stream alone: it is in memory anyway.
struct stream_seen : small {
  template <class D, class Point>
  using hook = nn::captured_at<D, Point, nn::between, nn::after_layer>;
};
static_assert(llama2::describe<llama2::decoder<stream_seen>, policy::exact<>>().kernels_per_layer == 5);
static_assert(plan_of<forward_of<llama2::decoder<stream_seen>::block, policy::exact<>>>.g.count ==
              plan_of<forward_of<plain_model::block, policy::exact<>>>.g.count);

/// Training sees no captures.
static_assert(plan_of<training_forward<training_of<seen_model::block, policy::exact<>>>>.count ==
              plan_of<training_forward<training_of<plain_model::block, policy::exact<>>>>.count);

struct keys {
  static constexpr char name[] = "keys";
};
struct values {
  static constexpr char name[] = "values";
};
template <class D>
struct attention_with_keys_seen {
  static constexpr auto forward(auto h) {
    using linear = nn::linear<nn::wv, typename D::kv, typename D::embed>;
    auto q = rope(matmul(h, weight<nn::wq, typename D::query, typename D::embed>), D::rope_theta);
    auto k = capture<keys>(rope(matmul(h, weight<nn::wk, typename D::kv, typename D::embed>), D::rope_theta));
    return matmul(attention(q, k, capture<values>(linear::forward(h))),
                  weight<nn::wo, typename D::embed, typename D::query>);
  }
};
struct keys_seen : small {
  template <class D>
  using attention = attention_with_keys_seen<D>;
};

struct steered : small {
  template <class D, class Point>
  using hook = nn::steered<D, Point, nn::after_layer>;
};

/// Weights of a model made up of their names: about 1 for norms, small for matrices, and steering in layer 1 alone.
std::vector<float> made(std::string_view name, int layer, std::size_t n, bool vector) {
  std::uint32_t bits = 7 + std::uint32_t(layer);
  for (char const c : name) bits = bits * 31 + std::uint32_t(c);
  std::vector<float> out(n);
  for (float& x : out) {
    bits = bits * 1664525 + 1013904223;
    float const r = float(bits >> 8) / float(1 << 23) - 1;
    x = name == "steering" ? (layer == 1 ? r : 0) : vector ? 1 + r / 2 : r * 0.3f;
  }
  return out;
}
struct made_bytes {
  std::vector<std::byte> bytes;
};

template <class Model>
void each_weight(int layer, auto const& f) {
  auto const in = [&]<class Block>(std::type_identity<Block>, int at) {
    graph const g = record<Block>();
    for (int i = 0; i < g.count; ++i)
      if (node const& n = g.nodes[i]; n.kind == op::weight)
        f(g.name(i), made(g.name(i), at, std::size_t(n.rows) * std::size_t(n.cols), n.rows == 1));
  };
  in(std::type_identity<typename Model::embedding>{}, 0), in(std::type_identity<typename Model::block>{}, layer),
      in(std::type_identity<typename Model::head>{}, 0);
}

template <class Model>
using session_of = session<Model, policy::exact<>>;
template <class Model>
session_of<Model> make_session() {
  auto const read = [](std::string_view name, int layer) {
    made_bytes r;
    each_weight<Model>(layer, [&](std::string_view found, std::vector<float> const& values) {
      if (found == name) r.bytes = encode(dtype::f32, values);
    });
    return r;
  };
  return {space(), {.room = 64, .rows = 40}, read, [](auto...) {}};
}

constexpr int rows = 37;
void set_rows(auto& s) {
  std::vector<int> token, sequence(rows, 0), position;
  for (int i = 0; i < rows; ++i) token.push_back(i * i % 21), position.push_back(i);
  s.set_rows(token, sequence, position);
}

bool same_bits(std::span<float const> a, std::span<float const> b) {
  return a.size() == b.size() && std::memcmp(on_host(a).data(), on_host(b).data(), a.size() * sizeof(float)) == 0;
}

/// The values of the stages on plain tensors.
template <class Model>
struct on_plain {
  plain_step step;
  on_plain() {
    for (int i = 0; i < rows; ++i) step.token.push_back(i * i % 21), step.sequence.push_back(0), step.position.push_back(i);
  }
  void load(int layer) {
    each_weight<Model>(layer, [&](std::string_view name, std::vector<float> const& w) {
      step.weights[std::string(name)].assign(w.begin(), w.end());
    });
  }
};

}  // namespace

TEST_CASE("what is captured is what the rows were, and the logits have the same bits") {
  auto a = make_session<plain_model>();
  auto b = make_session<seen_model>();
  for (bool const together : {true, false}) {
    set_rows(a), set_rows(b);
    std::vector<float> const logits = on_host(b.run(0, rows));
    if (!together) {
      set_rows(b);
      b.run_embedding();
      for (int layer = 0; layer < 3; ++layer) b.run_block(layer);
      b.run_head(0, rows);
    }
    a.run_embedding();
    CHECK(same_bits(b.captured<nn::after_embedding>(), a.rows()));
    for (int layer = 0; layer < 3; ++layer) {
      a.run_block(layer);
      CHECK(same_bits(b.captured<nn::after_layer>(layer), a.rows()));
    }
    CHECK(same_bits(a.run_head(0, rows), logits));
    // No copy: the stream is where the last layer left it.
    CHECK(b.rows().data() == b.captured<nn::after_layer>(2).data());
    CHECK(b.captured<nn::after_norm>().size() == std::size_t(rows) * 24);
    // The head of any rows.
    CHECK(same_bits(b.run_head(b.captured<nn::after_layer>(2)), logits));
    a.set_rows(std::vector{1}, std::vector{0}, std::vector{0});
  }
  CHECK_THROWS_AS(b.run_head(b.rows().first(25)), error);
  CHECK_THROWS_AS(b.captured<nn::between>(3), error);
  // Fewer rows, and logits of some.
  b.set_rows(std::vector{3, 4}, std::vector{0, 0}, std::vector{0, 1});
  b.run(1, 1);
  CHECK(b.captured<nn::between>(1).size() == 2 * 24);
  CHECK(b.captured<nn::after_norm>().size() == 24);
}

TEST_CASE("what is captured within a layer is right") {
  auto s = make_session<seen_model>();
  set_rows(s);
  s.run(0, rows);
  on_plain<plain_model> plain_model_on;
  auto& step = plain_model_on.step;
  plain_model_on.load(0);
  auto x = plain_model::embedding::forward(plain<token_ids>{&step});
  for (int layer = 0; layer < 3; ++layer) {
    plain_model_on.load(layer);
    auto const a = nn::attention<small>::forward(nn::rms_norm<small, nn::attention_norm>::forward(x)), h = x + a;
    // The stream is below 16 here, and f32 sums of 24 to 36 terms in a few products one after the other: as
    // tests/golden, 6.5e-5.
    CHECK(largest_difference(on_host(s.captured<nn::after_attention>(layer)), a.at) < 6.5e-5);
    CHECK(largest_difference(on_host(s.captured<nn::between>(layer)), h.at) < 6.5e-5);
    x = plain_model::block::forward(x);
  }
  CHECK(largest_difference(on_host(s.captured<nn::after_norm>()), nn::rms_norm<small, nn::norm>::forward(x).at) < 6.5e-5);
}

TEST_CASE("keys and values can be captured, and are in the cache as well") {
  auto a = make_session<plain_model>();
  auto b = make_session<llama2::decoder<keys_seen>>();
  set_rows(a), set_rows(b);
  CHECK(same_bits(a.run(0, rows), b.run(0, rows)));
  a.set_rows(std::vector{5}, std::vector{0}, std::vector{rows}),
      b.set_rows(std::vector{5}, std::vector{0}, std::vector{rows});
  CHECK(same_bits(a.run(0, 1), b.run(0, 1)));
  set_rows(b);
  b.run(0, rows);
  on_plain<plain_model> on;
  on.load(0);
  auto const h =
      nn::rms_norm<small, nn::attention_norm>::forward(plain_model::embedding::forward(plain<token_ids>{&on.step}));
  CHECK(largest_difference(on_host(b.captured<keys>(0)),
                           rope(nn::linear<nn::wk, small::kv, small::embed>::forward(h), small::rope_theta).at) < 1e-5);
  CHECK(largest_difference(on_host(b.captured<values>(0)), nn::linear<nn::wv, small::kv, small::embed>::forward(h).at) < 1e-5);
}

TEST_CASE("a steering vector is added where it is hooked in, and trained like a weight") {
  auto a = make_session<plain_model>();
  auto b = make_session<llama2::decoder<steered>>();
  set_rows(a), set_rows(b);
  a.run_embedding(), b.run_embedding();
  a.run_block(0), b.run_block(0);
  CHECK(same_bits(a.rows(), b.rows()));  // 0 there
  a.run_block(1), b.run_block(1);
  auto const vector = made("steering", 1, 24, true);
  auto const x = on_host(a.rows()), y = on_host(b.rows());
  for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(y[i] == x[i] + vector[i % 24]);
  for (auto const& d : check_gradients<llama2::decoder<steered>::block>(space(), {9, 4}, {.most = 20})) {
    INFO(d.leaf);
    CHECK(d.relative() < 1e-5);
  }
}
