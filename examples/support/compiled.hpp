#pragma once
// What a program is told by the translation unit that holds the model's type, beside cria::infer::open_engine.
#include <string_view>

namespace support {

/// "exact" or "fast".
std::string_view compiled_policy();

}  // namespace support
