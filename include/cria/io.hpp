#pragma once
// Files of weights, read and written: GGUF, safetensors, llama2.c; read: torch.save.
#include "cria/io/atomic_file.hpp"
#include "cria/io/consolidated.hpp"
#include "cria/io/gguf.hpp"
#include "cria/io/gguf_writer.hpp"
#include "cria/io/json.hpp"
#include "cria/io/llama2c.hpp"
#include "cria/io/mapped_file.hpp"
#include "cria/io/safetensors.hpp"
#include "cria/io/safetensors_writer.hpp"
#include "cria/io/torch_file.hpp"
