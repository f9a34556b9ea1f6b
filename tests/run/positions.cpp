// Learned positions in sessions and trainers: a position without a row is refused, as a token is.
#include <catch2/catch_test_macros.hpp>

#include "graph/blocks.hpp"
#include "run/training.hpp"
#include "cria/run/session.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct model {
  using embedding = places;
  struct block : of_rows {
    static constexpr auto forward(auto x) { return x + matmul(x, weight<nn::wo, test::E, test::E>); }
  };
  struct head : of_rows {
    static constexpr auto forward(auto x) { return matmul(x, weight<nn::head, axis<llama2::axes::vocabulary, 6>, test::E>); }
  };
  static constexpr int layers = 1;
};
using training = trainer<model, policy::exact<>>;

std::vector<training_row> rows_to(int end) {
  std::vector<training_row> rows;
  for (int p = 0; p < end; ++p) rows.push_back({p % 6, 0, p, (p + 1) % 6, 1});
  return rows;
}

}  // namespace

TEST_CASE("a session refuses a position that has no row") {
  session<model, policy::exact<>> s(space_of(2), {.room = 200}, made_weight<training>, [](auto...) {});
  CHECK(s.room() == 35);
  auto const run = [&](int token, int position) { s.set_rows(std::vector{token}, std::vector{0}, std::vector{position}); };
  for (int p = 0; p < 35; ++p) run(p % 6, p), s.run(0, 1);
  CHECK_THROWS_AS(run(0, 35), error);
  CHECK_THROWS_AS(run(0, -1), error);
  CHECK_THROWS_AS(run(6, 0), error);
}

TEST_CASE("a trainer refuses a position that has no row, and trains those that have") {
  auto t = make_trainer<training>(2, {.rows = 64});
  CHECK(t.room() == 35);
  auto const far = rows_to(36), near = rows_to(35);
  CHECK_THROWS_AS(t.accumulate(far), error);
  t.accumulate(near);
  auto const gradient = t.gradient("wpe", 0);
  for (std::size_t p = 0; p < 35; ++p) CHECK(gradient[p * 8] != 0);
}
