#pragma once
// Models: configurations of Llama 2 and its relatives, their checkpoints, and what is known of them while compiling.
#include "cria/model/adapter.hpp"
#include "cria/model/checkpoint.hpp"
#include "cria/model/config.hpp"
#include "cria/model/decoder.hpp"
#include "cria/model/describe.hpp"
#include "cria/model/export.hpp"
#include "cria/model/graph_text.hpp"
