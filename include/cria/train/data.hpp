#pragma once
// The data of pretraining: corpora of tokens, made and read, and the rows of training from mixtures of them.
#include "cria/train/data/corpus.hpp"
#include "cria/train/data/documents.hpp"
#include "cria/train/data/held_out.hpp"
#include "cria/train/data/mixture.hpp"
#include "cria/train/data/packing.hpp"
#include "cria/train/data/permutation.hpp"
#include "cria/train/data/shard.hpp"
#include "cria/train/data/text_files.hpp"
#include "cria/train/data/tokenize.hpp"
