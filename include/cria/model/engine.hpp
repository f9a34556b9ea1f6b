#pragma once
// The engine of one type of model: infer::engine on top of a session.
#include <algorithm>
#include <memory>

#include "cria/infer/engine.hpp"
#include "cria/model/decoder.hpp"
#include "cria/model/describe.hpp"
#include "cria/model/weight_file.hpp"
#include "cria/run/kokkos.hpp"
#include "cria/run/limits.hpp"
#include "cria/run/session.hpp"

namespace cria::llama2 {

/// Throws cria::error when the file holds another shape or other formats than decoder D with this policy was compiled for.
template <class D, class Policy> void check_shape(weight_file const& file) { check_shape<D, Policy>(file.shape(), file.path()); }

template <class D, class Policy, class Exec = Kokkos::DefaultExecutionSpace> class decoder_engine final : public infer::engine {
 public:
  decoder_engine(weight_file const& file, infer::engine_options const& options, Exec const& exec = default_instance<Exec>())
      : session_(exec, settings(options), reader(file), releaser(file)) {}

  int vocabulary() const override { return session_type::vocabulary; }
  int room() const override { return session_.room(); }
  infer::cache_size cache() const override {
    return {session_.pages().sequences(), session_.pages().pages(), session_.pages().positions_of_page()};
  }
  infer::token_cost cost() const override {
    static constexpr description d = describe<D, Policy>();
    return {d.weight_bytes_per_token, d.cache_bytes_per_position, d.flops_per_token, d.flops_per_position};
  }

  std::span<float const> forward(std::span<infer::row const> rows, infer::logits want) override {
    if (rows.empty()) throw error("forward", "no rows");
    std::size_t const all = rows.size(), most = std::size_t(session_.most_rows()),
                      silent = all - std::min(all, std::size_t(want));
    bool const cut = silent / most < (all - 1) / most;  // whether rows with logits are in several steps
    if (cut) gathered_.resize((all - silent) * std::size_t(vocabulary()));
    std::span<float const> logits;
    for (std::size_t begin = 0; begin < all; begin += most) {
      std::size_t const count = std::min(most, all - begin), first = std::min(std::max(silent, begin) - begin, count);
      set_rows(rows.subspan(begin, count));
      logits = session_.run(int(first), int(count - first));
      if (cut && first < count)
        std::ranges::copy(logits, gathered_.begin() + std::ptrdiff_t(begin + first - silent) * vocabulary());
    }
    if (want == infer::logits::none) session_.space().fence();
    return cut ? std::span<float const>(gathered_) : logits;
  }

  void share(int from, int to, int positions) override { session_.share(from, to, positions); }

  double read_bandwidth() override {
    if (bandwidth_ == 0) bandwidth_ = measure_read_bandwidth(session_.space());
    return bandwidth_;
  }
  double peak_flops() override { return measure_peak_flops(session_.space()); }
  int concurrency() const override { return kernel::concurrency_of(session_.space()); }

 private:
  using session_type = session<D, Policy, Exec>;
  session_type session_;
  std::vector<int> token_, sequence_, position_;
  std::vector<float> gathered_;
  double bandwidth_ = 0;

  static session_options settings(infer::engine_options const& o) {
    return {o.room > 0 ? o.room : D::variant::context, o.sequences, o.rows, o.positions};
  }
  static auto reader(weight_file const& file) {
    check_shape<D, Policy>(file);
    return [&file](std::string_view name, int layer) { return file.read(name, layer); };
  }
  static auto releaser(weight_file const& file) {
    return [&file](std::string_view name, int layer) { file.release(name, layer); };
  }

  void set_rows(std::span<infer::row const> rows) {
    token_.clear(), sequence_.clear(), position_.clear();
    for (auto const& r : rows) token_.push_back(r.token), sequence_.push_back(r.sequence), position_.push_back(r.position);
    session_.set_rows(token_, sequence_, position_);
  }
};

/// An engine of decoder D for a program: initialises Kokkos where the caller has not.
template <class D, class Policy>
std::unique_ptr<infer::engine> make_engine(weight_file const& file, infer::engine_options const& options) {
  initialise_kokkos();
  return std::make_unique<decoder_engine<D, Policy>>(file, options);
}

/// Decoder D with this policy, as one of a program's types.
template <class D, class Policy> constexpr infer::model_type model_type_of() {
  return {Policy::int8 ? "fast" : "exact", &check_shape<D, Policy>, &make_engine<D, Policy>};
}

}  // namespace cria::llama2
