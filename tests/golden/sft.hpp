#pragma once
// The golden case sft/: answers behind prompts of different lengths, whose tokens don't count.
#include <map>

#include "trained.hpp"

namespace cria::test {

/// Each sequence's rows; a target counts where it belongs to the answer.
inline std::vector<training_row> answer_rows(io::json const& about, std::vector<std::int32_t> const& tokens,
                                             std::size_t longest) {
  std::vector<training_row> rows;
  for (std::size_t s = 0; s < about.at("lengths").size(); ++s)
    for (int p = 0, length = about.at("lengths")[s]; p + 1 < length; ++p) {
      auto const at = s * longest + std::size_t(p);
      bool const answer = p + 1 >= about.at("prompt_lengths")[s].get<int>();
      rows.push_back({tokens[at], int(s), p, tokens[at + 1], answer ? 1 / about.at("answer_tokens").get<float>() : 0});
    }
  return rows;
}

template <class D, class Policy> void check_answers() {
  io::safetensors const first = golden_file("align_model", "policy"), file = golden_file("sft", "case"),
                        expected = golden_file("sft", "gradients");
  auto const about = read_json(golden("sft") / "case.json");
  auto const rows = answer_rows(about, file.values<std::int32_t>("tokens"), std::size_t(file.tensor("tokens")->shape[1]));
  struct bytes_of_weight {
    std::vector<float> values;
    std::span<std::byte const> bytes;
  };
  auto const read = [&](std::string_view name, int layer) {
    golden_parameter<D> const p(name, layer, int(first.tensor(golden_parameter<D>(name, layer, 0).name)->shape.back()));
    bytes_of_weight w{p.from_file(first.values<float>(p.name)), {}};
    w.bytes = std::as_bytes(std::span(w.values));
    return w;
  };
  trainer<D, Policy> t(space_of(2), {.rows = int(rows.size())}, read, [](auto...) {});
  CHECK(std::abs(t.accumulate(rows) - about.at("loss").get<double>()) < 2e-6);
  std::size_t checked = 0;
  for (auto const& e : t.gradients().entries())
    for (int layer = 0; layer < e.stored->layers; ++layer, ++checked) {
      golden_parameter<D> const p(e.stored->name, layer, e.stored->cols);
      INFO(p.name);
      auto const values = expected.values<float>(p.name);
      CHECK(largest_difference(p.to_file(t.gradient(e.stored->name, layer)), values) < 1.3e-5 * largest_magnitude(values));
    }
  CHECK(checked == expected.tensors().size());
}

}  // namespace cria::test
