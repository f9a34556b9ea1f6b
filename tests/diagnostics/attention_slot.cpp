// expect: attention(q, k, v): the number of heads of q must be a multiple of that of k
// axis: heads<query, 32, 128>
// axis: heads<kv, 5, 128>
#include "cria/model/decoder.hpp"

using namespace cria;

struct variant : llama2::config_7b {
  using kv = heads<llama2::axes::kv, 5, 128>;
};

int const layers = llama2::decoder<variant>::layers;
