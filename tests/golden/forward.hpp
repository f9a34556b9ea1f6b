#pragma once
// A golden case of forward/: a model in Hugging Face's layout with its logits, loss, gradients and hidden states.
#include <map>

#include "cria/model/checkpoint.hpp"
#include "cria/model/engine.hpp"
#include "cria/run/trainer.hpp"
#include "difference.hpp"
#include "support/kokkos.hpp"
#include "support/paths.hpp"

namespace cria::test {

/// The last norm as a stage of its own.
template <class D> struct norm_stage {
  using input = typename D::head::input;
  static constexpr auto forward(auto x) {
    return D::variant::template norm<typename D::variant, llama2::norm>::forward(x);
  }
};

template <class D, class Policy, class Trained = train_weights::all> class forward_case {
 public:
  static constexpr int width = session<D, Policy>::width, vocabulary = session<D, Policy>::vocabulary;

  explicit forward_case(std::string const& name)
      : folder_(golden(name)), file_(model_with("adapter")), reference_(open("reference")) {
    llama2::check_shape<D, Policy>(file_);
    auto const& shape = reference_.tensor("tokens")->shape;
    REQUIRE(shape.size() == 2);
    sequences_ = int(shape[0]), length_ = int(shape[1]);
    tokens_ = reference_.values<std::int32_t>("tokens");
    auto const read = [&](std::string_view weight, int layer) { return file_.read(weight, layer); };
    session_.emplace(space(), session_options{length_, sequences_, sequences_ * length_}, read, [](auto...) {});
  }

  void check_logits() {
    set_rows_in_order();
    auto const logits = session_->run(0, rows());
    auto const expected = reference_.values<float>("logits");
    CHECK(largest_difference(logits, expected) < 6.5e-5);
    CHECK(std::abs(loss(logits) - read_json(folder_ / "reference.json").at("loss").get<double>()) < 4e-6);

    std::vector<float> const whole(logits.begin(), logits.end());
    // The sequences in turns: other rows, the same bits.
    set_rows([&](int i) { return std::pair(i % sequences_, i / sequences_); });
    auto const turns = session_->run(0, rows());
    for (int i = 0; i < rows(); ++i) {
      auto const at = std::size_t(i % sequences_ * length_ + i / sequences_) * vocabulary;
      auto const* const found = turns.data() + std::size_t(i) * vocabulary;
      REQUIRE(std::memcmp(found, whole.data() + at, vocabulary * sizeof(float)) == 0);
    }
  }

  void check_hidden_states() {
    if (!fs::exists(folder_ / "hidden_states.safetensors")) return;  // most cases have none
    auto const expected = open("hidden_states");
    set_rows_in_order();
    std::size_t checked = 0;
    auto const check = [&](std::string const& name, std::span<float const> found) {
      INFO(name);
      CHECK(largest_difference(on_host(found), expected.template values<float>(name)) < 6.5e-5);
      ++checked;
    };
    session_->run_embedding();
    check("embedding", session_->rows());
    for (int layer = 0; layer < D::layers; ++layer) {
      session_->run_block(layer);
      check("block." + std::to_string(layer), session_->rows());
    }
    using last = forward_of<norm_stage<D>, Policy>;
    Kokkos::View<float*, space_type::memory_space> const normed("normed", std::size_t(rows()) * width);
    auto c = session_->step();
    c.in[0] = session_->rows().data(), c.out[0] = normed.data();
    c.weight = session_->weights().template pointers<last>();
    workspace<space_type> work;
    work.template make<last>(space(), rows(), rows());
    work.bind(c);
    execute<last>(space(), c);
    check("norm", {normed.data(), normed.size()});
    CHECK(checked == expected.tensors().size());
  }

  /// The loss and the gradient of every weight, and the same bits with 1 thread and 2.
  void check_gradients() {
    // They lie in their file as the weights do in theirs.
    bool const adapter = fs::is_directory(folder_ / "gradients");
    auto const expected = adapter ? model_with("gradients") : llama2::checkpoint(open("gradients"), config());
    auto const t = gradients(2);
    for (auto const& e : t.gradients().entries())
      for (int layer = 0; layer < e.stored->layers; ++layer) {
        INFO(e.stored->name << ", layer " << layer);
        auto const values = floats(expected.read(e.stored->name, layer));
        // One vector added to all keys changes nothing: its gradient is rounding alone, and small beside its neighbour's.
        auto const scale = e.stored->name == "wk.bias" ? floats(expected.read("wv.bias", layer)) : values;
        CHECK(largest_difference(t.gradient(e.stored->name, layer), values) < 3e-5 * largest_magnitude(scale));
      }
    CHECK(t.gradients().entries().size() == (adapter ? 2 * expected.shape().adapter.matrices.size() : expected.weights().size()));
    check_same_bits(t, gradients(1));
  }

 private:
  fs::path folder_;
  llama2::checkpoint file_;
  io::safetensors reference_;
  int sequences_ = 0, length_ = 0;
  std::vector<std::int32_t> tokens_;  // [sequence, position]
  std::optional<session<D, Policy>> session_;

  static std::vector<float> floats(llama2::weight_values const& w) {
    std::vector<float> values(std::size_t(w.shape[0]) * std::size_t(w.shape[1]));
    decode(w.format, w.bytes, values);
    return values;
  }
  /// The model, with the adapter in a folder beside it, where there is one.
  llama2::checkpoint model_with(char const* adapter) const {
    llama2::checkpoint file(open("model"), config());
    if (fs::exists(folder_ / adapter)) file.attach(llama2::adapter::open(folder_ / adapter, file.shape()));
    return file;
  }
  io::safetensors open(std::string const& name) const {
    return io::safetensors(io::mapped_file((folder_ / (name + ".safetensors")).string()));
  }
  std::string config() const {
    return (folder_ / (fs::exists(folder_ / "config.json") ? "config.json" : "config_v4.json")).string();
  }
  int rows() const { return sequences_ * length_; }
  void set_rows_in_order() {
    set_rows([&](int i) { return std::pair(i / length_, i % length_); });
  }

  /// `place(i)` is the (sequence, position) of row i.
  template <class Place> void set_rows(Place const& place) {
    std::vector<int> token, sequence, position;
    for (int i = 0; i < rows(); ++i) {
      auto const [s, p] = place(i);
      token.push_back(tokens_[std::size_t(s * length_ + p)]), sequence.push_back(s), position.push_back(p);
    }
    session_->set_rows(token, sequence, position);
  }

  /// The mean cross-entropy of each next token, rows sequence after sequence.
  double loss(std::span<float const> logits) const {
    double sum = 0;
    for_each_next([&](std::size_t row, int next) {
      auto const here = logits.subspan(row * vocabulary, vocabulary);
      sum += log_sum_exp(here) - double(here[std::size_t(next)]);
    });
    return sum / (sequences_ * (length_ - 1));
  }

  using trainer_type = trainer<D, Policy, keep::dear, Trained>;
  trainer_type gradients(int threads) const {
    auto const read = [&](std::string_view weight, int layer) { return file_.read(weight, layer); };
    trainer_type t(space_of(threads), {.rows = rows()}, read, [](auto...) {});
    std::vector<training_row> all;
    for (int s = 0; s < sequences_; ++s)
      for (int p = 0; p < length_; ++p) {
        bool const last = p + 1 == length_;
        auto const at = std::size_t(s * length_ + p);
        all.push_back({tokens_[at], s, p, last ? 0 : tokens_[at + 1], last ? 0 : float(1.0 / (sequences_ * (length_ - 1)))});
      }
    double const expected = read_json(folder_ / "reference.json").at("loss").get<double>();
    CHECK(std::abs(t.loss(all) - expected) < 4e-6);
    CHECK(std::abs(t.accumulate(all) - expected) < 4e-6);
    return t;
  }

  static void check_same_bits(trainer_type const& a, trainer_type const& b) {
    for (auto const& e : a.gradients().entries())
      for (int layer = 0; layer < e.stored->layers; ++layer) {
        auto const x = a.gradient(e.stored->name, layer), y = b.gradient(e.stored->name, layer);
        INFO(e.stored->name << ", layer " << layer);
        CHECK(std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0);
      }
  }

  template <class F> void for_each_next(F const& f) const {
    for (int s = 0; s < sequences_; ++s)
      for (int p = 0; p + 1 < length_; ++p) f(std::size_t(s * length_ + p), tokens_[std::size_t(s * length_ + p + 1)]);
  }
};

}  // namespace cria::test
