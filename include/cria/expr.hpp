#pragma once
// Expressions: a model is stated with these.
#include "cria/expr/attention.hpp"
#include "cria/expr/capture.hpp"
#include "cria/expr/cross_entropy.hpp"
#include "cria/expr/custom_row.hpp"
#include "cria/expr/embedding.hpp"
#include "cria/expr/expr.hpp"
#include "cria/expr/map.hpp"
#include "cria/expr/matmul.hpp"
#include "cria/expr/norm.hpp"
#include "cria/expr/plain.hpp"
#include "cria/expr/rope.hpp"
#include "cria/expr/weight.hpp"
