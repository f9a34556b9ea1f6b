#pragma once
// What a program is told of a model's kernels by the translation unit that holds the model's type.
#include <string>
#include <vector>

#include "cria/graph/cost.hpp"

namespace support {

struct kernel_facts {
  std::string label;  // as profilers show it
  int launches;       // in a step: the layers of the stage
  bool contraction, int8;
  cria::kernel_cost cost;  // of one launch
};

/// The kernels of all stages in the order of a step.
std::vector<kernel_facts> kernels_of_model();

}  // namespace support
