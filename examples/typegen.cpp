// Writes the C++ type of a model from its file's metadata. `run` compiles what it prints.
#include "support/program.hpp"

#include <functional>

#include "support/model_type.hpp"

namespace {

using namespace cria;

llama2::hyperparameters read(std::string const& path) {
  if (!path.ends_with(".json")) return llama2::checkpoint::open(path).shape();
  io::mapped_file const file(path);  // a shape alone: the weights will be f32
  auto const object = io::parse_json(path, io::as_text(file.bytes()));
  return llama2::detail::read_shape(llama2::detail::config_reader(path, object));
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("typegen", "Writes the C++ type of a model", [&](CLI::App& arguments) {
    std::string model, policy = "fast";
    arguments.add_option("--model", model, "a .gguf, a llama2.c .bin, a Hugging Face folder, or a config.json")
        ->required();
    arguments.add_option("--policy", policy, "precision of the arithmetic")->check(CLI::IsMember({"exact", "fast"}));
    support::parse(arguments, argc, argv);
    auto const type = support::model_type(read(model), policy);
    // A program may hold several types: their names must differ.
    support::write(fmt::format("// The type of a model, written by typegen.\n#include \"cria/model.hpp\"\n\n"
                               "inline namespace type_{:x} {{\n{}}}\n",
                               std::hash<std::string>()(type), type));
  });
}
