#pragma once
// Parts of models: the values of a decoder's slots.
#include "cria/nn/attention.hpp"
#include "cria/nn/decoder.hpp"
#include "cria/nn/feed_forward.hpp"
#include "cria/nn/rms_norm.hpp"
#include "cria/nn/weights.hpp"
