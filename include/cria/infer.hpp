#pragma once
// What a program needs to talk with a model.
#include "cria/infer/batch.hpp"
#include "cria/infer/chat_format.hpp"
#include "cria/infer/conversation.hpp"
#include "cria/infer/draft/lookup.hpp"
#include "cria/infer/draft/model.hpp"
#include "cria/infer/engine.hpp"
#include "cria/infer/generate.hpp"
#include "cria/infer/sampler.hpp"
#include "cria/infer/score.hpp"
#include "cria/infer/text_stream.hpp"
