// Prints the graphs of a model: embedding, one layer, head.
#include "support/program.hpp"

#include "support/compiled.hpp"
#include "support/model.hpp"

int main(int argc, char** argv) {
  return support::run("graph", "Prints the graphs of a model", [&](CLI::App& arguments) {
    support::model_arguments model;
    std::string pass = "inference", stage = "fused", format = "table";
    model.add_files(arguments);
    model.add_adapter(arguments);
    model.add_policy(arguments);
    arguments.add_option("--pass", pass, "what the model is made to do")
        ->check(CLI::IsMember({"inference", "training"}))
        ->capture_default_str();
    arguments.add_option("--stage", stage, "how far it has come")
        ->check(CLI::IsMember({"recorded", "fused", "placed"}))
        ->capture_default_str();
    arguments.add_option("--format", format, "how it is written")
        ->check(CLI::IsMember({"table", "dot", "mermaid"}))
        ->capture_default_str();
    support::parse(arguments, argc, argv);
    model.check_policy(support::compiled_policy());
    support::write(support::graph_of_model(pass, stage, format));
  });
}
