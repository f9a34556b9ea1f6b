#pragma once
// Tokenizers, their files, and text that arrives in pieces.
#include "cria/text/byte_level.hpp"
#include "cria/text/export.hpp"
#include "cria/text/files.hpp"
#include "cria/text/sentencepiece.hpp"
#include "cria/text/tokenizer.hpp"
#include "cria/text/utf8.hpp"
