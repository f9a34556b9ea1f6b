// Writes the C++ type of a model from its file's metadata. `run` compiles what it prints.
#include "support/program.hpp"

#include <algorithm>
#include <cctype>
#include <functional>

#include "support/model_type.hpp"

namespace {

using namespace cria;

llama2::hyperparameters read(std::string const& path) {
  return path.ends_with(".json") ? support::read_config(path) : llama2::checkpoint::open(path).shape();
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("typegen", "Writes the C++ type of a model", [&](CLI::App& arguments) {
    std::string model, adapter, policy = "fast", weights = "f32", name = "model";
    arguments
        .add_option("--model", model,
                    "a .gguf, a llama2.c .bin, a folder in Hugging Face's layout (weights in one file or several) or in Meta's, "
                    "or a config.json")
        ->required();
    arguments.add_option("--adapter", adapter, "a folder of peft's, whose adapter the type has beside the model's weights");
    arguments.add_option("--policy", policy, "precision of the arithmetic")->check(CLI::IsMember({"exact", "fast"}));
    arguments.add_option("--weights", weights, "format of the matrices where a config.json gives the shape")
        ->check(CLI::IsMember({"f32", "bf16"}));
    arguments.add_option("--name", name, "of the struct")->check([](std::string const& s) {
      bool const good = !s.empty() && !std::isdigit(static_cast<unsigned char>(s[0])) &&
                        std::ranges::all_of(s, [](unsigned char c) { return c == '_' || (c < 128 && std::isalnum(c)); });
      return good ? "" : "a C++ identifier is expected";
    });
    support::parse(arguments, argc, argv);
    auto shape = read(model);
    if (model.ends_with(".json") && weights == "bf16")
      for (auto const& w : llama2::weights_of(shape))
        if (!w.vector) shape.formats[w.name] = dtype::bf16;
    if (!adapter.empty()) shape.adapter = llama2::adapter::open(adapter, shape).shape();
    auto const type = support::model_type(shape, policy, name);
    // A program may hold several types: their names must differ.
    support::write(fmt::format("// The type of a model, written by typegen.\n#include \"cria/model/decoder.hpp\"\n\n"
                               "inline namespace type_{:x} {{\n{}}}\n",
                               std::hash<std::string>()(type), type));
  });
}
