#pragma once
// The model of this program, whose kernels are in model.cpp.
#include "cria/model.hpp"
#include "cria/run/session.hpp"

using Model = cria::llama2::decoder<cria::llama2::config_stories260k>;
using Session = cria::session<Model, cria::policy::exact<>>;

extern template class cria::session<Model, cria::policy::exact<>>;
