// expect: positions(ids): ids must be the tokens of a stage that takes token_ids
#include "axes.hpp"

using namespace cria;

struct block {
  using input = rows;
  static constexpr auto forward(auto x) {
    return embedding(positions(x), weight<w1, F, E>);
  }
};

constexpr graph g = record<block>();
