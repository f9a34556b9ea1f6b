// Manners in somebody else's program, in a process of its own: before Kokkos' initialize, under a tool, and after finalize.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <algorithm>
#include <fstream>
#include <set>

#include "cria/model/checkpoint.hpp"
#include "cria/model/engine.hpp"
#include "cria/run/evaluate.hpp"
#include "run/tiny.hpp"
#include "run/training.hpp"
#include "support/files.hpp"
#include "support/paths.hpp"

using namespace cria;
using namespace cria::test;
using Catch::Matchers::Message;

namespace {

struct tied_config : llama2::config<32, 2, 4, 2, 64, 40, 64> {
  static constexpr bool tied = true;
};
using tied_engine = llama2::decoder_engine<llama2::decoder<tied_config>, policy::exact<>>;
using odd_trainer = trainer<odd, policy::exact<formats<bf16>>>;

using E = axis<llama2::axes::embed, 20>;
using F = axis<llama2::axes::hidden, 36>;
struct gate {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) { return silu(matmul(x, weight<nn::w1, F, E>)); }
};

struct event {
  std::string what, name, memory;
  bool operator==(event const&) const = default;
};
std::vector<event> events_of(std::string const& path) {
  std::ifstream file(path);
  std::vector<event> all;
  for (event e; std::getline(file, e.what, '|') && std::getline(file, e.name, '|') && std::getline(file, e.memory);)
    all.push_back(e);
  return all;
}

/// The regions, kernels and waits for all instances from the region's beginning to its end.
std::vector<std::string> steps_of(std::vector<event> const& all, std::string const& region) {
  std::vector<std::string> steps;
  int depth = 0;
  for (event const& e : all) {
    if (depth == 0 && e != event{"push", region, ""}) continue;
    depth += e.what == "push" ? 1 : e.what == "pop" ? -1 : 0;
    if (e.what == "push" || e.what == "pop")
      steps.push_back(e.what == "push" ? "(" + e.name : ")");
    else if (e.what == "for" || e.what == "fence of all" || e.what == "reduce" || e.what == "scan")
      steps.push_back(e.name);
    if (depth == 0) break;
  }
  return steps;
}
std::vector<std::string> operator+(std::vector<std::string> a, std::vector<std::string> const& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
std::vector<std::string> const layer{"cria/wq+wk+wv", "cria/attention", "cria/wo", "cria/w1+w3", "cria/w2", ")"};

/// What a user does between initialize and finalize; what lives on is given back.
std::pair<tiny_session*, odd_trainer*> work(space_type const& exec) {
  Kokkos::Profiling::pushRegion("user");
  {
    tiny_session s(exec, {.room = 64, .rows = 16}, make_weight<tiny_session>, [](auto...) {});
    logits_of(s, {1, 5, 9});
    logits_of(s, {7}, 3);
    odd_trainer t(exec, {.rows = 16}, made_weight<odd_trainer>, [](auto...) {});
    auto const rows = rows_of({5, 4}, odd_trainer::vocabulary);
    t.accumulate(rows);
    t.update({1e-3, 0.9, 0.95, 1e-5, 0.1, 1, 1});
    auto const gradient = t.gradient("wq", 1);
    t.set_weight("wq", 1, gradient);
  }
  using array = Kokkos::View<float**, space_type::memory_space>;
  array const x("cria/x", 4, E::extent), w("cria/w", F::extent, E::extent), y("cria/y", 4, F::extent);
  evaluate<gate>(exec, bound<tokens, E>(x), bound<nn::w1, F, E>(w), bound<tokens, F>(y));
  Kokkos::Profiling::popRegion();
  return {new tiny_session(exec, {.room = 64, .rows = 16}, make_weight<tiny_session>, [](auto...) {}),
          new odd_trainer(exec, {.rows = 16}, made_weight<odd_trainer>, [](auto...) {})};
}

}  // namespace

TEST_CASE("a program's Kokkos is its own: before initialize, under a tool, after finalize") {
  tiny_gguf const tiny;
  auto const text = tiny.str();
  auto const file = llama2::checkpoint(io::gguf(as_file(text)));
  REQUIRE(!Kokkos::is_initialized());
  CHECK_THROWS_MATCHES(tied_engine(file, {}), error,
                       Message(space_type::name() + std::string(": Kokkos is not at work (expected a call between its "
                                                                "initialize and finalize, found one before initialize)")));
  REQUIRE(!Kokkos::is_initialized());

  temporary_folder const folder;
  auto const says = (folder.path() / "says").string();
  auto const tool = environment("CRIA_TOOL");
  if (tool.empty()) SKIP("CRIA_TOOL names no tool of Kokkos'");
  setenv("CRIA_TOOL_SAYS", says.c_str(), 1);
  Kokkos::initialize(Kokkos::InitializationSettings().set_disable_warnings(true).set_tools_libs(tool.string()));
  auto const* const exec = new space_type();  // no instance can be destroyed after finalize, nor memory freed
  auto const [s, t] = work(*exec);
  Kokkos::finalize();

  auto const after = [](std::string const& where) {
    return Message(
        where + ": Kokkos is not at work (expected a call between its initialize and finalize, found one after finalize)");
  };
  std::vector<int> const zero{0};
  auto const rows = rows_of({5}, odd_trainer::vocabulary);
  std::span<training_row const> const span(rows);
  CHECK_THROWS_MATCHES(s->set_rows(zero, zero, zero), error, after("session"));
  CHECK_THROWS_MATCHES(s->run(0, 1), error, after("session"));
  CHECK_THROWS_MATCHES(s->run_embedding(), error, after("session"));
  CHECK_THROWS_MATCHES(s->run_block(0), error, after("session"));
  CHECK_THROWS_MATCHES(s->run_head(0, 1), error, after("session"));
  CHECK_THROWS_MATCHES(s->release(0), error, after("session"));
  CHECK_THROWS_MATCHES(tiny_session(*exec, {.room = 64}, make_weight<tiny_session>, [](auto...) {}), error,
                       after("session"));
  CHECK_THROWS_MATCHES(t->accumulate(span), error, after("trainer"));
  CHECK_THROWS_MATCHES(t->loss(span), error, after("trainer"));
  CHECK_THROWS_MATCHES(t->update({}), error, after("trainer"));
  CHECK_THROWS_MATCHES(t->gradient("wq", 0), error, after("trainer"));
  CHECK_THROWS_MATCHES(t->set_weight("wq", 0, {}), error, after("trainer"));
  CHECK_THROWS_MATCHES(odd_trainer(*exec, {.rows = 16}, made_weight<odd_trainer>, [](auto...) {}), error, after("trainer"));
  CHECK_THROWS_MATCHES((evaluator<gate, space_type>(*exec, 4)), error, after("evaluator"));
  CHECK_THROWS_MATCHES(initialise_kokkos(), error, after("initialise_kokkos"));
  REQUIRE(Kokkos::is_finalized());

  auto const all = events_of(says);
  CHECK((steps_of(all, "cria/decode") ==
         std::vector<std::string>{"(cria/decode", "(cria/embedding", "cria/embedding", ")", "(cria/layer 0"} + layer +
             std::vector<std::string>{"(cria/layer 1"} + layer +
             std::vector<std::string>{"(cria/head", "cria/head", ")", ")"}));
  CHECK((steps_of(all, "cria/layer 1") == std::vector<std::string>{"(cria/layer 1"} + layer));
  CHECK((steps_of(all, "cria/evaluate") == std::vector<std::string>{"(cria/evaluate", "cria/w1", ")"}));
  std::string training;
  for (auto const& step : steps_of(all, "cria/forward and backward")) {
    CHECK((step == ")" || step.starts_with("(cria/") || step.starts_with("cria/")));
    if (step.starts_with("(")) training += step;
  }
  CHECK(training ==
        "(cria/forward and backward(cria/embedding(cria/layer 0(cria/layer 1(cria/head(cria/layer 1 backward(cria/layer 0 "
        "backward(cria/embedding backward");

  int depth = 0, allocations = 0;
  std::set<std::string> alive;
  for (auto e = std::ranges::find(all, event{"push", "user", ""}) + 1; depth >= 0; ++e) {
    INFO(e->what << " " << e->name);
    if (e->what == "push" || e->what == "pop") depth += e->what == "push" ? 1 : -1;
    CHECK((e->what != "fence of all" || e->name.ends_with("before free")));  // for which Kokkos itself waits for all
    if (e->what == "allocate") ++allocations, alive.insert(e->memory);
    if (e->what == "free") CHECK(alive.erase(e->memory) == 1);
    // Zeros that the user's Views begin with are Kokkos' to write: its label holds theirs.
    bool const zeros = e->name.starts_with("Kokkos::View::initialization [cria/");
    if (e->what == "allocate" || e->what == "for" || e->what == "reduce" || e->what == "push")
      CHECK((e->name.starts_with("cria/") || zeros));
  }
  CHECK(alive.size() == 3);  // the user's
  CHECK(allocations > 40);
}
