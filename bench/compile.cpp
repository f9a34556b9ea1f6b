// What a type costs to compile: seconds and memory of one translation unit for each variant, with prompt and single token, or with
// forward, backward and optimizer.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/program.hpp"

namespace {

namespace fs = std::filesystem;

struct variant {
  std::string name, base, formats, policy;  // or instead of a policy "training"
  int layers;  // 0: as the base has them
};

std::array const variants{
    variant{"stories260K", "stories260k", "formats<f32>", "exact", 0},
    variant{"SmolLM2 135M", "smollm2_135m", "formats<q4_1, stored<llama2::embed, q8_0>>", "exact", 0},
    variant{"SmolLM2 135M", "smollm2_135m", "formats<q4_1, stored<llama2::embed, q8_0>>", "fast", 0},
    variant{"Llama 2 7B", "7b", "formats<q4_0>", "fast", 0},
    variant{"Llama 2 7B, 4 layers", "7b", "formats<q4_0>", "fast", 4},
    variant{"Llama 2 7B, 80 layers", "7b", "formats<q4_0>", "fast", 80},
    variant{"Llama 2 13B", "13b", "formats<q4_0>", "fast", 0},
    variant{"Llama 2 34B", "34b", "formats<q4_0>", "fast", 0},
    variant{"Llama 2 70B", "70b", "formats<q4_0>", "fast", 0},
    variant{"stories260K", "stories260k", "formats<f32>", "training", 0},
    variant{"Llama 2 7B, 4 layers", "7b", "formats<f32>", "training", 4},
    variant{"Llama 2 7B, 80 layers", "7b", "formats<f32>", "training", 80},
    variant{"Llama 2 7B", "7b", "formats<bf16>", "training", 0},
};

std::string source_of(variant const& v) {
  std::string const layers = v.layers > 0 ? fmt::format(" static constexpr int layers = {}; ", v.layers) : "";
  if (v.policy == "training")
    return fmt::format(
        "#include \"cria/model/train_engine.hpp\"\nusing namespace cria;\nstruct model : llama2::config_{} {{{}}};\n"
        "bool const added = train::add_model_type(llama2::trained_type_of<llama2::decoder<model>, policy::exact<{}>>());\n",
        v.base, layers, v.formats);
  return fmt::format(
      "#include \"cria/model/engine.hpp\"\nusing namespace cria;\nstruct model : llama2::config_{} {{{}}};\n"
      "bool const added = infer::add_model_type(llama2::model_type_of<llama2::decoder<model>, policy::{}<{}>>());\n",
      v.base, layers, v.policy, v.formats);
}

struct usage {
  double seconds, megabytes;
};

/// Runs the compiler in a child and asks the system what it used.
usage compile(std::string const& command) {
  pid_t const child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  rusage used{};
  if (child < 0 || wait4(child, &status, 0, &used) < 0 || status != 0) throw cria::error("compile", "the compiler failed", "exit code 0", command);
  return {double(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6, double(used.ru_maxrss) / 1024};
}

/// A folder that is gone when the program ends.
struct scratch_folder {
  fs::path path;
  scratch_folder() {
    std::string name = (fs::temp_directory_path() / "cria-XXXXXX").string();
    if (!mkdtemp(name.data())) throw cria::error(name, "cannot be made");
    path = name;
  }
  ~scratch_folder() { fs::remove_all(path); }
};

}  // namespace

int main(int argc, char** argv) {
  return support::run("compile", "Seconds and memory to compile one model type", [&](CLI::App& arguments) {
    support::parse(arguments, argc, argv);
    scratch_folder const folder;
    support::write(fmt::format("{}\n{:<24} {:<8} {:>8} {:>8}\n", CRIA_COMPILER, "type", "policy", "CPU s", "MB"));
    for (auto const& v : variants) {
      auto const source = folder.path / "engine.cpp";
      std::ofstream(source) << source_of(v);
      usage const u = compile(fmt::format("{} -O3 -c {} -o {}", CRIA_COMPILER, source.string(), (folder.path / "engine.o").string()));
      support::write(fmt::format("{:<24} {:<8} {:>8.1f} {:>8.0f}\n", v.name, v.policy, u.seconds, u.megabytes));
      support::flush();
    }
  });
}
