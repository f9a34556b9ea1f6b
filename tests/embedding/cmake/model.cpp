#include "model.hpp"

template class cria::session<Model, cria::policy::exact<>>;
