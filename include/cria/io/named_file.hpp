#pragma once
// A small file in memory, on its way into a folder.
#include <string>

namespace cria::io {

/// A small file in memory.
struct named_file {
  std::string name, content;
};

}  // namespace cria::io
