#pragma once
// Parts of models: the values of a decoder's slots.
#include "cria/nn/attention.hpp"
#include "cria/nn/decoder.hpp"
#include "cria/nn/ends.hpp"
#include "cria/nn/feed_forward.hpp"
#include "cria/nn/hook.hpp"
#include "cria/nn/linear.hpp"
#include "cria/nn/lora.hpp"
#include "cria/nn/norm.hpp"
#include "cria/nn/position.hpp"
#include "cria/nn/slots.hpp"
#include "cria/nn/weights.hpp"
