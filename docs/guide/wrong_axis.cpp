// The mistake of the second chapter: this does not compile.
#include "cria/expr.hpp"
#include "cria/graph/record.hpp"

using namespace cria;

struct embed { static constexpr char name[] = "embed"; };
struct hidden { static constexpr char name[] = "hidden"; };
struct w1 { static constexpr char name[] = "w1"; };
using E = axis<embed, 6>;
using F = axis<hidden, 10>;

struct gate {
  using input = shape<tokens, E>;
  static constexpr auto forward(auto x) { return silu(matmul(x, weight<w1, E, F>)); }  // E and F are confused
};

constexpr graph g = record<gate>();
