#pragma once
// What a program is told by describe.cpp, the translation unit that holds the model's type and none of its kernels.
#include <string>
#include <string_view>

namespace cria::llama2 {
struct description;
}

namespace support {

/// "exact" or "fast".
std::string_view compiled_policy();

/// Figures of the type, and its graphs: `pass` is inference or training, `stage` is recorded, fused or placed, `format` table,
/// dot or mermaid.
cria::llama2::description describe_model();
std::string graph_of_model(std::string_view pass, std::string_view stage, std::string_view format);

}  // namespace support
