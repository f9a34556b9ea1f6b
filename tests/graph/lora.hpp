#pragma once
// A variant whose queries have adapters, on frozen weights.
#include "cria/graph/program.hpp"
#include "cria/model/config.hpp"

namespace cria::test {

template <class Config> using with_adapters = nn::adapted<Config, 4, 8, nn::wq>;
using adapters = with_adapters<llama2::config_7b>::adapters;
/// Everything but the adapters in 4-bit blocks.
using frozen_blocks = policy::exact<with_adapters<llama2::config_7b>::formats_of<formats<q4_0>>>;

}  // namespace cria::test
