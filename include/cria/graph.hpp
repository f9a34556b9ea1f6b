#pragma once
// Graphs: recorded from a block's forward, differentiated, fused into kernels and placed in memory, all while compiling.
#include "cria/graph/differentiate.hpp"
#include "cria/graph/fuse.hpp"
#include "cria/graph/place.hpp"
#include "cria/graph/policy.hpp"
#include "cria/graph/program.hpp"
#include "cria/graph/record.hpp"
