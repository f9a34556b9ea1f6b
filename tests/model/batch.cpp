// Sequences together on a real model: whatever is beside a row, drafted or shared, its logits are the same bits.
#include "cria/model/checkpoint.hpp"
#include "cria/infer/batch.hpp"

#include <map>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/infer/draft/lookup.hpp"
#include "cria/infer/draft/model.hpp"
#include "cria/model/engine.hpp"
#include "support/files.hpp"
#include "support/kokkos.hpp"

using namespace cria;
using namespace cria::test;

namespace {

struct batch_shape : llama2::config<32, 2, 4, 2, 64, 40, 200> {
  static constexpr bool tied = true;
};
using fast = policy::fast<formats<q8_0>>;
using exact = policy::exact<>;

/// Keeps the logits of every text that an engine was asked for.
template <class Policy> class recorder : public infer::engine {
 public:
  explicit recorder(llama2::weight_file const& file, infer::engine_options const& o)
      : model_(file, o, space()), text_(std::size_t(o.sequences)) {}

  std::map<std::vector<int>, std::vector<float>> seen;
  int differences = 0;

  std::span<float const> forward(std::span<infer::row const> rows, infer::logits want) override {
    auto const result = model_.forward(rows, want);
    std::size_t const silent = rows.size() - std::min(rows.size(), std::size_t(want)), width = std::size_t(vocabulary());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto& text = text_.at(std::size_t(rows[i].sequence));
      text.resize(std::size_t(rows[i].position));
      text.push_back(rows[i].token);
      if (i < silent) continue;
      auto const found = result.subspan((i - silent) * width, width);
      auto const [at, added] = seen.try_emplace(text, found.begin(), found.end());
      differences += !added && !std::ranges::equal(at->second, found);
    }
    return result;
  }
  void share(int from, int to, int positions) override {
    model_.share(from, to, positions);
    auto const text = text_.at(std::size_t(from));
    text_.at(std::size_t(to)).assign(text.begin(), text.begin() + positions);
  }
  int vocabulary() const override { return model_.vocabulary(); }
  int room() const override { return model_.room(); }
  infer::cache_size cache() const override { return model_.cache(); }
  infer::token_cost cost() const override { return model_.cost(); }
  double read_bandwidth() override { return model_.read_bandwidth(); }
  double peak_flops() override { return model_.peak_flops(); }
  int concurrency() const override { return model_.concurrency(); }

 private:
  llama2::decoder_engine<llama2::decoder<batch_shape>, Policy> model_;
  std::vector<std::vector<int>> text_;
};

/// Prompts of many lengths; every other one begins like one before it.
std::vector<std::vector<int>> made_prompts() {
  infer::random_numbers random(7);
  auto const below = [&](int n) { return int(random.bits() % std::uint64_t(n)); };
  std::vector<std::vector<int>> all;
  for (int i = 0; i < 12; ++i) {
    std::vector<int> prompt;
    if (i % 2 == 1) prompt = all[std::size_t(below(i))];
    for (int n = 1 + below(i % 3 == 0 ? 90 : 9); n > 0 && prompt.size() < 150; --n) prompt.push_back(below(40));
    all.push_back(prompt);
  }
  return all;
}

std::vector<std::vector<int>> answers(infer::engine& model, infer::drafter* guesses) {
  auto const prompts = made_prompts();
  std::vector<infer::sampler> choose;
  for (std::size_t i = 0; i < prompts.size(); ++i)
    choose.emplace_back(infer::sampling{.temperature = double(i % 3) * 0.4, .seed = i});
  infer::batch b(model, guesses);
  std::vector<std::vector<int>> found(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i)
    b.add({prompts[i], &choose[i], {.max_tokens = 10 + int(i) * 3}, [&found, i](infer::generation g) {
             found[i] = std::move(g.tokens);
           }});
  while (b.step()) {
  }
  return found;
}

template <class Policy> void check_all(tiny_gguf const& tiny) {
  auto const text = tiny.str();
  llama2::checkpoint const file(io::gguf(as_file(text)));
  recorder<Policy> alone(file, {});
  auto const expected = answers(alone, nullptr);
  for (infer::engine_options const& o :
       {infer::engine_options{.sequences = 3, .rows = 16}, {.sequences = 12}, {.sequences = 5, .positions = 512}}) {
    INFO(o.sequences << " sequences, " << o.positions << " positions");
    recorder<Policy> model(file, o);
    model.seen = alone.seen;
    CHECK(answers(model, nullptr) == expected);
    CHECK(model.differences == 0);
    infer::lookup_drafter lookup;
    CHECK(answers(model, &lookup) == expected);
    llama2::decoder_engine<llama2::decoder<batch_shape>, Policy> twin(file, {.sequences = o.sequences}, space());
    infer::model_drafter draft(twin);
    CHECK(answers(model, &draft) == expected);
    CHECK(model.differences == 0);
  }
}

}  // namespace

TEST_CASE("the same tokens and the same bits, alone and together, exact and in int8") {
  tiny_gguf tiny;
  check_all<exact>(tiny);
  tiny.format = [](std::string const& n) { return n.find("norm") == std::string::npos ? dtype::q8_0 : dtype::f32; };
  check_all<fast>(tiny);
}
