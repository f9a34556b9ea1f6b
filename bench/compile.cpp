// What including cria costs: CPU seconds, memory and the longest symbol of one translation unit, for types of models and for
// headers, with the compiler of the build or another one.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace {

namespace fs = std::filesystem;

/// One translation unit: a session with all kernels of a prompt and of one token, an engine around it, a trainer, or headers.
struct unit {
  std::string name, kind, source;
};

unit forward(std::string const& name, std::string const& kind, std::string const& variant, std::string const& policy,
             int layers = 0) {
  auto const own = variant.starts_with("llama2::") ? std::string()
                                                   : fmt::format("#include \"{}.hpp\"\n", variant.substr(0, variant.find('_')));
  auto const stack = layers > 0 ? fmt::format("static constexpr int layers = {};", layers) : "";
  auto const includes = kind == "engine" ? "#include \"cria/model/engine.hpp\""
                                         : "#include \"cria/model/decoder.hpp\"\n#include \"cria/run/session.hpp\"";
  auto const what =
      kind == "engine" ? "template class cria::llama2::decoder_engine<D, P, Exec>;" : "template class cria::session<D, P, Exec>;";
  return {name, kind,
          fmt::format("{}\n{}using namespace cria;\nstruct model : {} {{ {} }};\nusing D = llama2::decoder<model>;\n"
                      "using P = policy::{};\nusing Exec = Kokkos::DefaultExecutionSpace;\n{}\n"
                      "template <class B> constexpr int kernels = plan_of<forward_of<B, P>>.count;\n"
                      "extern \"C\" unsigned char const cria_kernels"
                      "[kernels<D::embedding> + kernels<D::block> + kernels<D::head>] = {{1}};\n",
                      includes, own, variant, stack, policy, what)};
}

unit training(std::string const& name, std::string const& variant, std::string const& weights, int layers = 0) {
  auto const stack = layers > 0 ? fmt::format("static constexpr int layers = {};", layers) : "";
  return {name, "trainer",
          fmt::format("#include \"cria/model/train_engine.hpp\"\nusing namespace cria;\n"
                      "struct model : {} {{ {} }};\nusing D = llama2::decoder<model>;\n"
                      "using P = policy::exact<formats<{}>>;\ntemplate class cria::trainer<D, P>;\n"
                      "template double cria::trainer<D, P>::accumulate(std::vector<training_row> const&);\n"
                      "using S = training_stages<D, P, keep::dear, train_weights::all>;\n"
                      "extern \"C\" unsigned char const cria_kernels"
                      "[plan_of<S::embedding_forward>.count + plan_of<S::embedding_backward>.count + "
                      "plan_of<S::block_forward>.count + plan_of<S::block_backward>.count + "
                      "plan_of<S::head_step>.count + plan_of<S::loss_forward>.count] = {{1}};\n",
                      variant, stack, weights)};
}

unit header(std::string const& name) { return {name, "header", fmt::format("#include <{}>\n", name)}; }

std::vector<unit> units() {
  std::string const q4 = "fast<formats<q4_0>>", smol = "formats<q4_1, stored<llama2::embed, q8_0>>";
  std::vector<unit> all{header("Kokkos_Core.hpp")};  // first: what others cost beyond it
  for (auto const name : {"expr", "graph", "nn", "run/evaluate", "run/session", "run/trainer", "model/engine", "io", "text",
                          "model", "infer", "train/data", "train/trainer"})
    all.push_back(header(fmt::format("cria/{}.hpp", name)));
  all.push_back(forward("stories260K", "session", "llama2::config_stories260k", "exact<>"));
  all.push_back(forward("SmolLM2 135M, exact", "session", "llama2::config_smollm2_135m", fmt::format("exact<{}>", smol)));
  all.push_back(forward("SmolLM2 135M", "session", "llama2::config_smollm2_135m", fmt::format("fast<{}>", smol)));
  all.push_back(forward("Llama 2 7B", "session", "llama2::config_7b", q4));
  all.push_back(forward("Llama 2 7B", "engine", "llama2::config_7b", q4));
  for (int const layers : {4, 80})
    all.push_back(forward(fmt::format("Llama 2 7B, {} layers", layers), "session", "llama2::config_7b", q4, layers));
  all.push_back(forward("Llama 2 7B, Q4_K_M", "session", "llama2::config_7b",
                        "fast<formats<q4_k, stored<llama2::wv, by_layer<layers_in<16, q4_k>, layers_in<16, q6_k>>>, "
                        "stored<llama2::w2, by_layer<layers_in<16, q4_k>, layers_in<16, q6_k>>>, stored<llama2::head, q6_k>>>"));
  all.push_back(forward("Llama 2 70B", "session", "llama2::config_70b", q4));
  for (auto const& [name, variant] : {std::pair{"Llama 3 8B", "llama3_8b"},
                                      {"Mistral 7B", "mistral_7b"},
                                      {"Qwen2 0.5B", "qwen2_500m"},
                                      {"Qwen3 0.6B", "qwen3_600m"},
                                      {"Gemma 2B", "gemma_2b"},
                                      {"GPT-2", "gpt2_124m"}})
    all.push_back(forward(name, "session", variant, q4));
  all.push_back(training("stories260K", "llama2::config_stories260k", "f32"));
  for (int const layers : {4, 80})
    all.push_back(training(fmt::format("Llama 2 7B, {} layers", layers), "llama2::config_7b", "f32", layers));
  return all;
}

struct usage {
  double seconds, megabytes;
};

/// Runs a command in a child and asks the system what it used.
usage measure(std::string const& command) {
  pid_t const child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  rusage used{};
  if (child < 0 || wait4(child, &status, 0, &used) < 0 || status != 0)
    throw cria::error("compile", "the compiler failed", "exit code 0", command);
  return {double(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
          double(used.ru_maxrss) / 1024};
}

/// The number of kernels that a unit states as the size of an array, and its longest symbol.
std::pair<int, int> symbols(fs::path const& object) {
  std::string const list = object.string() + ".nm";
  measure(fmt::format("nm -S {} > {}", object.string(), list));
  std::ifstream lines(list);
  int kernels = 0, longest = 0;
  for (std::string line; std::getline(lines, line);) {
    auto const name = line.substr(line.rfind(' ') + 1);
    longest = std::max(longest, int(name.size()));
    if (name == "cria_kernels") kernels = int(std::stol(line.substr(line.find(' ') + 1), nullptr, 16));
  }
  return {kernels, longest};
}

/// nvcc takes the build's flags for the host, and headers that switch CUDA on in a Kokkos of hosts.
std::string command_of(std::string const& compiler) {
  if (!compiler.ends_with("nvcc")) return fmt::format("{} {} -O3 -c", compiler, CRIA_FLAGS);
  return fmt::format("{} -x cu -std=c++20 -O3 -arch=sm_90 --extended-lambda --expt-relaxed-constexpr "
                     "-Xcompiler=-fopenmp,-ffp-contract=off -I {} {} -DKOKKOS_ENABLE_SERIAL -DKOKKOS_ENABLE_CUDA "
                     "-DKOKKOS_ARCH_HOPPER -DKOKKOS_ARCH_HOPPER90 -DDESUL_ATOMICS_ENABLE_CUDA -c",
                     compiler, CRIA_DEVICE_HEADERS, CRIA_INCLUDES);
}

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
  return support::run("compile", "What types of models and headers cost to compile", [&](CLI::App& arguments) {
    std::string compiler = CRIA_COMPILER, only;
    arguments.add_option("--compiler", compiler, "another g++, clang++ or nvcc");
    arguments.add_option("--only", only, "units of this kind: header, session, engine or trainer")
        ->check(CLI::IsMember({"header", "session", "engine", "trainer"}));
    support::parse(arguments, argc, argv);
    scratch_folder const folder;
    auto const source = folder.path / "unit.cpp", object = folder.path / "unit.o";
    auto const command = command_of(compiler);
    support::write(fmt::format("{}\n{:<26} {:<8} {:>7} {:>8} {:>11} {:>8} {:>8}\n", command, "unit", "kind", "kernels", "CPU s",
                               "a kernel", "MB", "symbol"));
    double base = 0;
    for (auto const& u : units()) {
      if (base > 0 && !only.empty() && u.kind != only) continue;
      std::ofstream(source) << u.source;
      usage const used = measure(fmt::format("{} {} -o {}", command, source.string(), object.string()));
      auto const [kernels, longest] = symbols(object);
      if (base == 0) base = used.seconds;
      auto const each = kernels > 0 ? fmt::format("{:.2f}", (used.seconds - base) / kernels) : "";
      support::write(fmt::format("{:<26} {:<8} {:>7} {:>8.2f} {:>11} {:>8.0f} {:>8}\n", u.name, u.kind,
                                 kernels > 0 ? std::to_string(kernels) : "", used.seconds, each, used.megabytes,
                                 longest > 0 ? std::to_string(longest) : ""));
      support::flush();
    }
  });
}
