// The fused kernels of a layer one by one, for one token and for a prompt: time, and bytes and operations as `cost` counts them.
#include <benchmark/benchmark.h>

#include <vector>

#include "cria/graph/cost.hpp"
#include "cria/graph/label.hpp"
#include "cria/model/decoder.hpp"
#include "cria/run/cache.hpp"
#include "cria/run/execute.hpp"
#include "cria/run/limits.hpp"
#include "cria/run/rotary.hpp"
#include "cria/run/weights.hpp"
#include "cria/run/workspace.hpp"

namespace {

using namespace cria;
using exec_space = Kokkos::DefaultHostExecutionSpace;
using D = llama2::decoder<llama2::config_smollm2_135m>;
using P = forward_of<D::block, policy::fast<formats<q4_1>>>;

constexpr int layers = D::layers, room = 1024, most_rows = 256, depth = 512;

struct owned_bytes {
  std::vector<std::byte> bytes;
};

/// A block at work on made-up weights: all layers, so that a pass over them leaves the caches.
struct workbench {
  exec_space exec;
  weight_store<exec_space> weights;
  kv_cache<exec_space> cache;
  rotary_tables<exec_space> rotary;
  workspace<exec_space> work;
  std::vector<float> x, y;
  std::vector<int> sequence, position;
  kernel::context c;

  workbench() : x(std::size_t(most_rows) * D::variant::embed::extent, 0.5f), y(x) {
    weights.declare<P>(layers);
    auto const read = [&](std::string_view name, int) {
      for (auto const& e : weights.entries())
        if (e.name == name) return owned_bytes{std::vector<std::byte>(bytes_of(e.type, std::size_t(e.rows) * std::size_t(e.cols)), std::byte{0x11})};
      return owned_bytes{};
    };
    weights.load(exec, read, [](std::string_view, int) {});
    cache.make<P>(exec, layers, 1, room);
    rotary.make<P>(exec, room);
    for (int i = 0; i < most_rows; ++i) sequence.push_back(0), position.push_back(depth + i);
    c.in[0] = x.data(), c.out[0] = y.data(), c.sequence = sequence.data(), c.position = position.data();
    work.make<P>(exec, most_rows);
    c.weight = weights.pointers<P>(), cache.bind(c), rotary.bind(c), work.bind(c);
  }
};

/// Kernel G with `rows` rows, layer after layer.
template <int G> void run_kernel(benchmark::State& state, workbench& bench) {
  kernel::context c = bench.c;
  c.rows = int(state.range(0));
  for (auto _ : state) {
    detail::launch<P, G>(bench.exec, c);
    c.layer = (c.layer + 1) % layers;
  }
  constexpr kernel_cost k = cost_of(plan_of<P>, G, P::policy::cache::bytes);
  double const rows = double(c.rows), positions = rows * (depth + (rows + 1) / 2);
  using benchmark::Counter;
  state.counters["bytes"] = Counter(k.weight_bytes + rows * k.bytes_per_row + positions * k.cache_bytes_per_position, Counter::kIsIterationInvariantRate);
  state.counters["flop"] = Counter(rows * k.flops_per_row + positions * k.flops_per_position, Counter::kIsIterationInvariantRate);
}

template <int... G> void add_all(workbench& bench, std::integer_sequence<int, G...>) {
  (benchmark::RegisterBenchmark(label_of(plan_of<P>, G).text, [&](benchmark::State& s) { run_kernel<G>(s, bench); })->Arg(1)->Arg(most_rows)->UseRealTime(), ...);
}

}  // namespace

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const guard(Kokkos::InitializationSettings().set_disable_warnings(true));
  workbench bench;
  benchmark::AddCustomContext("model", "SmolLM2 135M, policy fast, at position 512; the argument is the number of rows");
  benchmark::AddCustomContext("f32 limit, GFLOP/s", std::to_string(int(measure_peak_flops(bench.exec) / 1e9)));
  std::vector<std::byte> const memory(std::size_t(128) << 20, std::byte{1});
  std::span<std::byte const> const pieces[]{memory};
  benchmark::AddCustomContext("read limit, GB/s", std::to_string(int(measure_read_bandwidth(bench.exec, std::span<std::span<std::byte const> const>(pieces)) / 1e9)));
  add_all(bench, std::make_integer_sequence<int, plan_of<P>.count>{});
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
