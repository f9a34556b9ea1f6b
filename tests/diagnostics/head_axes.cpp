// expect: the head must take the axes that the block returns
// axis: axis<embed, 4096>
// axis: axis<hidden, 11008>
#include "axes.hpp"
#include "cria/run/session.hpp"

using namespace cria;

struct model {
  struct embedding {
    using input = token_ids;
    static constexpr auto forward(auto ids) { return cria::embedding(ids, weight<w2, axis<token, 512>, E>); }
  };
  struct block {
    using input = rows;
    static constexpr auto forward(auto x) { return x + matmul(x, weight<w1, E, E>); }
  };
  struct head {
    using input = shape<tokens, F>;
    static constexpr auto forward(auto x) { return matmul(x, weight<w2, axis<token, 512>, F>); }
  };
  static constexpr int layers = 2;
};

using open = session<model, policy::exact<>>;
int const width = open::width;
