// Trainers: the same bits however many threads work and whatever a layer keeps, gradients that add up, AdamW by its
// formula, weights in 16 bits, and adapters on frozen weights in blocks.
#include <catch2/catch_test_macros.hpp>

#include "graph/lora.hpp"
#include "run/training.hpp"
#include "support/difference.hpp"

using namespace cria;
using namespace cria::test;

namespace {

using exact = policy::exact<>;
using odd_trainer = trainer<odd, exact>;
struct small : llama2::config</*embed*/ 32, /*layers*/ 2, /*heads*/ 2, /*kv*/ 1, /*hidden*/ 64, /*vocabulary*/ 32,
                              /*context*/ 64> {};

adamw_settings settings(long step, double clip = 0) {
  return {.rate = 0.01, .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-6, .decay = 0.1, .clip = clip, .step = step};
}

/// Loss and gradients of some sequences.
template <class Trainer>
std::pair<double, std::vector<float>> outcome(std::vector<int> const& lengths, int threads,
                                              trainer_options options = {}) {
  auto const all = rows_of(lengths, Trainer::vocabulary);
  options.rows = int(all.size());
  auto t = make_trainer<Trainer>(threads, options);
  double const loss = t.accumulate(all);
  CHECK(t.loss(all) == loss);
  return {loss, all_gradients(t)};
}

double largest(std::vector<float> const& a) { return largest_difference(a, std::vector<float>(a.size())); }

}  // namespace

TEST_CASE("the same bits with one thread and two, and whatever a layer keeps, at odd sizes") {
  constexpr step_cost cost =
      cost_of_step<odd_trainer::embedding_forward, odd_trainer::block_forward, odd_trainer::loss_forward>(odd::layers);
  for (auto const& lengths : {std::vector{1}, {63}, {64}, {65}, {130}, {9, 1, 70, 64}}) {
    INFO(lengths.size() << " sequences, the first of " << lengths[0]);
    auto const one = outcome<odd_trainer>(lengths, 1);
    CHECK(one.first > 0);
    if (lengths[0] > 100) REQUIRE(workers_for(cost, 2, lengths[0], lengths[0]) == 2);  // two threads do work
    CHECK((outcome<odd_trainer>(lengths, 2) == one));
    CHECK((outcome<trainer<odd, exact, keep::everything>>(lengths, 2) == one));
    CHECK((outcome<trainer<odd, exact, keep::inputs>>(lengths, 2) == one));
  }
}

TEST_CASE("gradients of one pass after another add up") {
  auto const first = rows_of({9, 30}, odd_trainer::vocabulary), second = rows_of({17}, odd_trainer::vocabulary, 5);
  auto t = make_trainer<odd_trainer>(2, {.rows = 39});
  t.accumulate(first);
  auto const a = all_gradients(t);
  t.accumulate(first);
  auto twice = a;
  for (float& x : twice) x += x;
  CHECK((all_gradients(t) == twice));
  t.accumulate(second);
  auto other = make_trainer<odd_trainer>(2, {.rows = 39});
  other.accumulate(second);
  auto const b = all_gradients(other);
  for (std::size_t i = 0; i < b.size(); ++i) twice[i] += b[i];
  CHECK((all_gradients(t) == twice));
  // An update forgets them, and nothing of an earlier pass stays behind.
  auto stays = settings(1);
  stays.rate = 0;
  t.update(stays);
  t.accumulate(second);
  CHECK((all_gradients(t) == b));
}

TEST_CASE("logits in chunks of rows change nothing but the order of sums") {
  std::vector<int> const lengths{40, 29};
  auto const whole = outcome<odd_trainer>(lengths, 2),
             chunks = outcome<odd_trainer>(lengths, 2, {.logits = 16 * odd_trainer::vocabulary});
  CHECK(chunks.first == whole.first);
  CHECK((chunks.second != whole.second));
  CHECK(largest_difference(chunks.second, whole.second) < 1e-6 * largest(whole.second));
}

TEST_CASE("AdamW by its formula in f64: decay of matrices alone, the norm of all gradients, clipping") {
  auto t = make_trainer<odd_trainer>(2, {.rows = 39});
  auto const all = rows_of({39}, odd_trainer::vocabulary);
  std::vector<double> expected, first, second;
  for (float const w : all_masters(t)) expected.push_back(w);
  first.resize(expected.size()), second.resize(expected.size());
  std::vector<bool> decays;
  for (auto const& e : t.gradients().entries())
    decays.insert(decays.end(), std::size_t(e.stored->rows * e.stored->cols * e.stored->layers), e.stored->rows > 1);
  REQUIRE(decays.size() == expected.size());
  for (long step = 1; step <= 3; ++step) {
    t.accumulate(all);
    auto const gradient = all_gradients(t);
    double squares = 0;
    for (float const g : gradient) squares += double(g) * double(g);
    auto const s = settings(step, step == 2 ? 0.1 : 1e9);  // the second is clipped
    REQUIRE(std::sqrt(squares) > 0.1);
    CHECK(std::abs(t.update(s) - std::sqrt(squares)) < 1e-6 * std::sqrt(squares));
    double const scale = std::min(1.0, s.clip / std::sqrt(squares));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      double const g = scale * double(gradient[i]);
      first[i] = s.beta1 * first[i] + (1 - s.beta1) * g, second[i] = s.beta2 * second[i] + (1 - s.beta2) * g * g;
      double const mean = first[i] / (1 - std::pow(s.beta1, double(step))),
                   square = second[i] / (1 - std::pow(s.beta2, double(step)));
      expected[i] -= s.rate * ((decays[i] ? s.decay * expected[i] : 0) + mean / (std::sqrt(square) + s.epsilon));
    }
    auto const found = all_masters(t);
    double most = 0;
    for (std::size_t i = 0; i < found.size(); ++i) most = std::max(most, std::abs(double(found[i]) - expected[i]));
    INFO("step " << step);
    CHECK(most < 1e-6);
    for (std::size_t i = 0; i < found.size(); ++i)
      expected[i] = double(found[i]);  // an error in one step is not one of the next
    CHECK(largest(all_gradients(t)) == 0);
  }
}

TEST_CASE("a norm that is no finite number changes nothing") {
  auto t = make_trainer<odd_trainer>(2, {.rows = 39});
  auto all = rows_of({39}, odd_trainer::vocabulary);
  auto const before = all_weights(t);
  all[3].weight = INFINITY;
  t.accumulate(all);
  CHECK(!std::isfinite(t.update(settings(1))));
  CHECK((all_weights(t) == before));
}

TEST_CASE("rows that are not whole sequences of known tokens are refused") {
  auto t = make_trainer<odd_trainer>(1, {.rows = 8, .room = 6});
  auto const refused = [&](auto const& change) {
    auto all = rows_of({5, 2}, odd_trainer::vocabulary);
    change(all);
    CHECK_THROWS_AS(t.accumulate(all), error);
    CHECK(largest(all_gradients(t)) == 0);
  };
  refused([](auto& r) { r[2].position = 3; });
  refused([](auto& r) { r[5].position = 1; });
  refused([](auto& r) { r[0].token = odd_trainer::vocabulary; });
  refused([](auto& r) { r[0].token = -1; });
  refused([](auto& r) { r[6].target = odd_trainer::vocabulary; });
  refused([](auto& r) { r[6].target = -1; });
  refused([](auto& r) { r.clear(); });
  refused([](auto& r) { r = rows_of({5, 4}, odd_trainer::vocabulary); });
  refused([](auto& r) { r = rows_of({7}, odd_trainer::vocabulary); });
}

TEST_CASE("values of another size, or of a layer that isn't there, are refused for a weight") {
  auto t = make_trainer<odd_trainer>(1, {.rows = 8});
  std::vector<float> const norm(20, 2.0f);
  t.set_weight("ffn_norm", 1, norm);
  CHECK((unpacked(t.space(), *t.weights().find("ffn_norm"), t.gradients().find("ffn_norm")->weight(), 1) == norm));
  CHECK_THROWS_AS(t.set_weight("ffn_norm", 1, std::span(norm).first(19)), error);
  for (int const layer : {-1, 2}) CHECK_THROWS_AS(t.set_weight("ffn_norm", layer, norm), error);
  CHECK_THROWS_AS(t.set_weight("none", 0, norm), error);
}

TEST_CASE("weights in bf16 are the rounded masters after each step, and learn") {
  using halves = trainer<odd, policy::exact<formats<bf16>>>;
  auto t = make_trainer<halves>(2, {.rows = 39});
  auto const all = rows_of({39}, halves::vocabulary);
  double const before = t.loss(all);
  auto const check_rounded = [&] {
    for (auto const& e : t.gradients().entries()) {
      if (e.stored->rows == 1) continue;
      auto const master = host_copy(space(), e.master);
      auto const packed = host_copy(space(), e.stored->packed);
      int wrong = 0, between = 0;
      for (std::size_t i = 0; i < master.size(); ++i) {
        auto const half = kernel::load<std::uint16_t>(packed.data() + 2 * i);
        wrong += half != f32_to_bf16(master[i]), between += bf16_to_f32(half) != master[i];
      }
      INFO(e.stored->name);
      CHECK(wrong == 0);
      CHECK((between > 0) == (t.loss(all) != before));  // steps are smaller than bf16 tells apart
    }
  };
  check_rounded();
  for (long step = 1; step <= 5; ++step) t.accumulate(all), t.update(settings(step)), check_rounded();
  CHECK(t.loss(all) < 0.9 * before);
}

TEST_CASE("adapters learn on frozen weights in 4-bit blocks") {
  using model = llama2::decoder<with_adapters<small>>;
  using adapter_trainer = trainer<model, frozen_blocks, keep::dear, adapters>;
  static_assert(adapter_trainer::stages::trains_block && !adapter_trainer::stages::trains_embedding);
  static_assert(plan_of<adapter_trainer::head_step>.g.count_of(op::matmul_dw) == 0 &&
                plan_of<adapter_trainer::embedding_backward>.count == 0);
  auto t = make_trainer<adapter_trainer>(2, {.rows = 39});
  CHECK(t.gradients().entries().size() == 2);
  auto const frozen = [&] {
    std::vector<std::byte> all;
    for (auto const& e : t.weights().entries())
      if (t.gradients().find(e.name) == nullptr)
        all.insert(all.end(), e.packed.data(), e.packed.data() + e.packed.size());
    return all;
  };
  auto const all = rows_of({20, 19}, adapter_trainer::vocabulary);
  auto const before = frozen();
  double const first = t.loss(all);
  for (long step = 1; step <= 20; ++step) t.accumulate(all), t.update(settings(step));
  CHECK(t.loss(all) < 0.97 * first);
  CHECK((frozen() == before));
}

TEST_CASE("of a model whose head alone is trained, layers are as in inference and have no backward") {
  using head_trainer = trainer<odd, exact, keep::dear, train_weights::only<nn::head>>;
  static_assert(!head_trainer::stages::has_backward && !head_trainer::stages::trains_block &&
                !head_trainer::stages::trains_embedding);
  static_assert(plan_of<head_trainer::block_backward>.count == 0 &&
                plan_of<head_trainer::embedding_backward>.count == 0);
  static_assert(plan_of<head_trainer::head_step>.g.count_of(op::matmul_dx) == 0 &&
                plan_of<head_trainer::head_step>.g.count_of(op::matmul_dw) == 1);
  static_assert(plan_of<head_trainer::block_forward>.count == 5 && head_trainer::kept_bytes_per_row == 2 * 4 * 20);
  std::vector<int> const lengths{30, 9};
  auto const all = rows_of(lengths, odd::variant::vocabulary::extent);
  auto t = make_trainer<head_trainer>(2, {.rows = 39});
  auto whole = make_trainer<odd_trainer>(2, {.rows = 39});
  CHECK(t.accumulate(all) == whole.accumulate(all));
  CHECK(t.gradients().entries().size() == 1);
  CHECK((t.gradient("head", 0) == whole.gradient("head", 0)));
  CHECK(t.bytes() < whole.bytes());
}
