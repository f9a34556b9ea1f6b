#pragma once
// What the golden cases of training share: their files, and parameters by the names and orders there.
#include "cria/model/checkpoint.hpp"
#include "cria/model/train_engine.hpp"
#include "difference.hpp"
#include "rotary_pairs.hpp"
#include "support/kokkos.hpp"
#include "support/paths.hpp"

namespace cria::test {

inline io::safetensors golden_file(char const* folder, std::string const& name) {
  return io::safetensors(io::mapped_file((golden(folder) / (name + ".safetensors")).string()));
}

/// The name of a parameter in Hugging Face's layout, and its values in the order of rotary pairs there and here.
template <class D> struct golden_parameter {
  std::string name;
  int cols;
  bool rotates;

  golden_parameter(std::string_view weight, int layer, int columns)
      : name(llama2::detail::hugging_face_name(weight, layer)), cols(columns), rotates(weight == "wq" || weight == "wk") {}
  std::vector<float> to_file(std::vector<float> x) const { return rotates ? halves_paired(x, cols, D::variant::query::size) : x; }
  std::vector<float> from_file(std::vector<float> x) const {
    return rotates ? neighbours_paired(x, cols, D::variant::query::size) : x;
  }
};

}  // namespace cria::test
