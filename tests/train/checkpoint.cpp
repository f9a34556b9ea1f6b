#include "cria/train/checkpoint.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdint>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "cria/train/run_folder.hpp"
#include "support/files.hpp"
#include "support/paths.hpp"
#include "train/faults.hpp"

using namespace cria;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::Equals;
namespace fs = std::filesystem;

namespace {

llama2::hyperparameters tiny_shape(bool tied = false) {
  llama2::hyperparameters h;
  h.embed = 8, h.layers = 1, h.heads = 2, h.kv_heads = 1, h.head_dim = 4, h.hidden = 12, h.vocabulary = 10,
  h.context = 16;
  h.tied = tied;
  return h;
}

/// An engine that only remembers. Its values are every kind of bits, those of no number among them.
class memory final : public train::engine {
 public:
  explicit memory(llama2::hyperparameters const& h, std::uint32_t seed = 0, std::string const& frozen = "") {
    for (auto const& [w, layer] : llama2::places_of(h))
      parameters_.push_back({w.name, layer, {w.rows, w.cols}, w.name != frozen});
    std::uint32_t bits = seed;
    for (auto& values : values_)
      for (auto const& p : parameters_) {
        values.emplace_back(std::size_t(p.shape[0] * p.shape[1]));
        for (auto& v : values.back()) v = seed == 0 ? 0 : std::bit_cast<float>(bits = bits * 1664525u + 1013904223u);
      }
  }

  bool operator==(memory const& other) const {
    for (std::size_t which = 0; which < 3; ++which)
      for (std::size_t i = 0; i < values_[0].size(); ++i)
        if ((which == 0 || parameters_[i].trained) &&
            test::raw(values_[which][i]) != test::raw(other.values_[which][i]))
          return false;
    return true;
  }

  std::span<train::parameter const> parameters() const override { return parameters_; }
  std::vector<float> read(train::state what, std::size_t i) const override { return values_[std::size_t(what)].at(i); }
  void write(train::state what, std::size_t i, std::span<float const> values) override {
    REQUIRE(values.size() == values_[std::size_t(what)].at(i).size());
    values_[std::size_t(what)][i].assign(values.begin(), values.end());
  }

  int vocabulary() const override { return 10; }
  int context() const override { return 16; }
  int most_rows() const override { return 16; }
  double accumulate(std::span<train::row const>) override { return 0; }
  double loss(std::span<train::row const>) override { return 0; }
  double update(train::adamw const&) override { return 0; }
  double flops_per_row() const override { return 0; }
  double flops_per_position() const override { return 0; }
  double peak_flops() override { return 0; }
  std::size_t bytes() const override { return 0; }
  int concurrency() const override { return 1; }

  std::vector<train::parameter> parameters_;

 private:
  std::array<std::vector<std::vector<float>>, 3> values_;
};

train::run_model tiny_model() {
  return {.shape = tiny_shape(), .ids = {1, 2}, .beside = {{"tokenizer.model", "pieces"}}};
}

train::run_state at_step(long step, std::optional<double> loss = {}) {
  return {.step = step,
          .training_loss = 2.5,
          .validation_loss = loss,
          .stream = {{"place", ~std::uint64_t{0}}, {"x", 0.1}},
          .settings = {{"rate", 1e-3}, {"name", "é"}}};
}

/// Names of all that is in a folder, in order.
std::vector<std::string> names_in(fs::path const& folder) {
  std::vector<std::string> names;
  for (auto const& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}
using names = std::vector<std::string>;

/// The newest checkpoint's step, -1 without one, and whether it gives `expected` back.
long newest(fs::path const& run, memory const& expected, names& passed_over) {
  passed_over.clear();
  auto const found = train::newest_checkpoint(run, passed_over);
  if (!found) return -1;
  memory model(tiny_shape());
  train::restore(model, *found);
  REQUIRE(model == expected);
  return found->state.step;
}

void change_byte(fs::path const& path, std::size_t at) {
  auto bytes = test::read_text(path);
  bytes.at(at) = char(bytes[at] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("a checkpoint gives back every bit") {
  test::temporary_folder const folder;
  auto const tied = GENERATE(false, true);
  auto const* const frozen = GENERATE("", "wk");
  auto about = tiny_model();
  about.shape = tiny_shape(tied);
  about.shape.layers = 2;
  memory const model(about.shape, 7, frozen);
  auto const run = folder.path() / "a" / "run";
  auto const path = train::run_folder(run, about, 3).save(model, at_step(1234, 1.25));
  REQUIRE(path == run / "step-00001234");
  REQUIRE(names_in(path) ==
          names{"config.json", "model.safetensors", "moments.safetensors", "tokenizer.model", "training.json"});

  names passed_over;
  auto const found = train::newest_checkpoint(run, passed_over);
  REQUIRE(found);
  REQUIRE(passed_over.empty());
  REQUIRE(found->folder == path);
  auto const expected = at_step(1234, 1.25);
  REQUIRE(found->state.step == 1234);
  REQUIRE(found->state.training_loss == 2.5);
  REQUIRE(found->state.validation_loss == 1.25);
  REQUIRE(found->state.stream == expected.stream);
  REQUIRE(found->state.settings == expected.settings);

  memory again(about.shape, 0, frozen);
  train::restore(again, *found);
  REQUIRE(again == model);
  // and it is a model like any other
  auto const opened = llama2::checkpoint::open(path.string());
  auto const wq = opened.read("wq", 1);
  for (std::size_t i = 0; i < model.parameters_.size(); ++i)
    if (model.parameters_[i].name == "wq" && model.parameters_[i].layer == 1)
      REQUIRE(test::raw(model.read(train::state::weight, i)) == std::string(io::as_text(wq.bytes)));
  REQUIRE(opened.shape().tied == tied);
  auto const moments = io::safetensors(io::mapped_file((path / "moments.safetensors").string()));
  REQUIRE(moments.tensor("model.layers.1.self_attn.q_proj.weight.first_moment") != nullptr);
  REQUIRE((moments.tensor("model.layers.0.self_attn.k_proj.weight.second_moment") == nullptr) ==
          (frozen == std::string("wk")));
}

TEST_CASE("a damaged checkpoint is passed over") {
  test::temporary_folder const folder;
  auto const& run = folder.path();
  memory const older(tiny_shape(), 1), newer(tiny_shape(), 2);
  {
    train::run_folder saves(run, tiny_model(), 3);
    saves.save(older, at_step(5));
    saves.save(newer, at_step(10));
  }
  auto const path = run / "step-00000010";
  names passed_over;
  REQUIRE(newest(run, newer, passed_over) == 10);
  auto const passed = [&](std::string const& message) {
    REQUIRE(newest(run, older, passed_over) == 5);
    REQUIRE(passed_over.size() == 1);
    REQUIRE_THAT(passed_over[0], ContainsSubstring(message));
  };
  for (auto const& name : names_in(path)) {
    auto const file = path / name;
    auto const bytes = test::read_text(file);
    for (std::size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 50) {
      change_byte(file, at);
      passed("/step-00000010/" + name + (name == "training.json" ? ": " : ": checksum (expected "));
      change_byte(file, at);
    }
    REQUIRE(newest(run, newer, passed_over) == 10);
    fs::resize_file(file, bytes.size() - 2);
    passed("/step-00000010/" + name + ": ");
    fs::remove(file);
    passed("/step-00000010/" + name + ": cannot be opened: No such file or directory");
    std::ofstream(file, std::ios::binary) << bytes;
  }
  REQUIRE(newest(run, newer, passed_over) == 10);

  fs::create_directory(run / "step-00000011"), fs::create_directory(run / ".step-00000012-0a1b2c");
  folder.write("step-00000013", "a file");
  fs::copy(path, run / "step-00000014"), fs::copy(path, run / "step-15");
  REQUIRE(newest(run, newer, passed_over) == 10);
  REQUIRE(passed_over ==
          names{(run / ".step-00000012-0a1b2c").string() + ": a checkpoint that was not finished",
                (run / "step-00000014").string() + ": step (expected 14, found 10)",
                (run / "step-00000013/training.json").string() + ": cannot be opened: Not a directory",
                (run / "step-00000011/training.json").string() + ": cannot be opened: No such file or directory"});
  REQUIRE_THROWS_WITH(train::newest_checkpoint(run / "none", passed_over),
                      EndsWith("none: cannot be read: No such file or directory"));
}

TEST_CASE("training.json that lies is refused") {
  test::temporary_folder const folder;
  auto const path = train::run_folder(folder.path(), tiny_model(), 1).save(memory(tiny_shape(), 1), at_step(1));
  auto const good = test::read_json(path / "training.json");
  auto const refused = [&](auto const& change, std::string const& message) {
    auto training = good.at("training");
    change(training);
    auto const sum = train::detail::sum_of(training.dump());
    std::ofstream(path / "training.json") << nlohmann::json{{"training", training}, {"checksum", sum}};
    REQUIRE_THROWS_WITH(train::open_checkpoint(path), Equals((path / "training.json").string() + ": " + message));
  };
  refused([](auto& t) { t["version"] = 2; }, "version (expected 1, found 2)");
  refused([](auto& t) { t["step"] = -1; }, "step (expected a whole number, found -1)");
  refused([](auto& t) { t["step"] = ~std::uint64_t{0}; }, "step (expected a whole number, found 18446744073709551615)");
  refused([](auto& t) { t.erase("stream"); }, "not a training checkpoint (expected a member stream, found none)");
  refused([](auto& t) { t["files"].erase("model.safetensors"); },
          "not a training checkpoint (expected a member model.safetensors, found none)");
  refused([](auto& t) { t["files"]["../x"] = 1; }, "name of a file (expected one in this folder, found ../x)");
  refused([](auto& t) { t["files"]["config.json"] = 1; },
          "not a training checkpoint (expected a member bytes, found none)");
  refused([](auto& t) { t = 1; }, "not a training checkpoint (expected a member version, found none)");
  auto const refused_text = [&](std::string const& text, std::string const& message) {
    std::ofstream(path / "training.json") << text;
    REQUIRE_THROWS_WITH(train::open_checkpoint(path), ContainsSubstring("training.json: " + message));
  };
  refused_text("", "not JSON");
  refused_text("[]", "not a training checkpoint");
  refused_text(std::string(100000, '['), "JSON nests too deeply");
  refused_text(nlohmann::json{{"training", good["training"]}, {"checksum", 7}}.dump(), "checksum (expected 7, found ");
}

TEST_CASE("a checkpoint of another model is refused and changes nothing") {
  test::temporary_folder const folder;
  train::run_folder saves(folder.path() / "run", tiny_model(), 9);
  memory const model(tiny_shape(), 1, "wk");
  train::saved_run const saved{saves.save(model, at_step(1)), {}};
  auto const refused = [&](memory into, std::string const& message) {
    auto const before = into;
    REQUIRE_THROWS_WITH(train::restore(into, saved), ContainsSubstring(message));
    REQUIRE(into == before);
  };
  refused(memory(tiny_shape(), 3), "model.layers.0.self_attn.k_proj.weight.first_moment: missing tensor");
  refused(memory(tiny_shape(true), 3), "head of layer 0 (expected a parameter of the model, found none)");
  auto wide = tiny_shape();
  wide.hidden = 16;
  refused(memory(wide, 3), "w1 of layer 0 (expected [12, 8], found [16, 8])");
  memory more(tiny_shape(), 3);
  more.parameters_.push_back(more.parameters_.back());
  refused(more, "number of parameters (expected 12, found 13)");
  more.parameters_.back().name = "w4";
  refused(more, "number of parameters (expected 12, found 13)");

  REQUIRE_THROWS_WITH(saves.save(memory(wide), at_step(2)), ContainsSubstring("w1 of layer 0"));
  auto const not_json = [&](io::json const& stream, std::string const& message) {
    auto at = at_step(2);
    at.stream = stream;
    REQUIRE_THROWS_WITH(saves.save(model, at), ContainsSubstring("training.json: " + message));
  };
  not_json(std::nan(""), "state of the run (expected what JSON can say, found a number that is not finite, or bytes)");
  not_json("\xff", "text in JSON (expected UTF-8, found other bytes)");
  io::json deep;
  for (int i = 0; i < 40; ++i) deep = io::json::array({deep});
  not_json(deep, "JSON nests too deeply");
  REQUIRE_THROWS_WITH(saves.save(model, at_step(-1)), EndsWith("run: step (expected 0 or more, found -1)"));
  REQUIRE(names_in(folder.path() / "run") == names{"step-00000001"});
  for (auto const* const name : {"config.json", "model.safetensors", "training.json", "", "a/b"}) {
    auto about = tiny_model();
    about.beside[0].name = name;
    REQUIRE_THROWS_WITH(train::run_folder(folder.path() / "other", about, 1).save(model, at_step(1)),
                        ContainsSubstring("name of a file beside the weights (expected one of its own"));
  }
}

TEST_CASE("the newest and the best are kept") {
  test::temporary_folder const folder;
  memory const model(tiny_shape(), 1);
  train::run_folder saves(folder.path(), tiny_model(), 2);
  fs::create_directory(folder.path() / "step-00000000");  // says nothing
  auto const after = [&](long step, std::optional<double> loss) {
    saves.save(model, at_step(step, loss));
    auto all = names_in(folder.path());
    all.erase(all.begin());
    return all;
  };
  auto const step = [](int n) { return "step-0000000" + std::to_string(n); };
  REQUIRE(after(1, 2.0) == names{step(1)});
  REQUIRE(after(2, 1.0) == names{step(1), step(2)});
  REQUIRE(after(3, 1.5) == names{step(2), step(3)});
  REQUIRE(after(4, {}) == names{step(2), step(3), step(4)});
  REQUIRE(after(5, {}) == names{step(2), step(4), step(5)});
  REQUIRE(after(6, 0.5) == names{step(5), step(6)});
  // gone back to an earlier one: what is later stays, and what is saved is kept
  REQUIRE(after(3, 0.7) == names{step(3), step(5), step(6)});
  REQUIRE(after(6, 0.9) == names{step(3), step(5), step(6)});
  names passed_over;
  REQUIRE(train::newest_checkpoint(folder.path(), passed_over)->state.validation_loss == 0.9);
}

TEST_CASE("a run has its folder alone") {
  test::temporary_folder const folder;
  auto const path = folder.path() / "run";
  {
    train::run_folder const first(path, tiny_model(), 1);
    REQUIRE_THROWS_WITH(train::run_folder(path, tiny_model(), 1),
                        Equals(path.string() + ": another run is at work in this folder"));
  }
  train::run_folder const second(path, tiny_model(), 1);
  REQUIRE_THROWS_WITH(train::run_folder(folder.path() / "other", tiny_model(), 0),
                      ContainsSubstring("number of checkpoints to keep"));
  auto const file = folder.write("file", "");
  REQUIRE_THROWS_WITH(train::run_folder(file, tiny_model(), 1), Equals(file + ": cannot be opened: Not a directory"));
}

TEST_CASE("what is named is on the disk") {
  test::temporary_folder const folder;
  train::run_folder saves(folder.path(), tiny_model(), 1);
  memory const model(tiny_shape(), 1);
  auto const calls_of_save = [&](long step) {
    test::break_call(0, test::fault::none);
    saves.save(model, at_step(step));
    auto calls = test::end_of_faults();
    calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
    return calls;
  };
  // each file is written, synced, named, and its folder synced; then the folder is named, and the run's synced
  std::string const file = "wsrs", made = "m" + file + file + file + file + file + "rs";
  REQUIRE(calls_of_save(1) == made);
  REQUIRE(calls_of_save(2) == made + "ru");  // only then the older one goes
  REQUIRE(calls_of_save(2) == made + "u");
}

TEST_CASE("a program that ends at any call leaves whole checkpoints") {
  test::temporary_folder const folder;
  memory const older(tiny_shape(), 1), newer(tiny_shape(), 2);
  auto const start = folder.path() / "start";
  train::run_folder(start, tiny_model(), 1).save(older, at_step(1));
  names passed_over;
  int before = 0, after = 0;
  for (int call = 1;; ++call) {
    auto const run = folder.path() / ("run" + std::to_string(call));
    fs::copy(start, run, fs::copy_options::recursive);
    auto const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      train::run_folder saves(run, tiny_model(), 1);
      test::break_call(call, test::fault::crash);
      saves.save(newer, at_step(2));
      ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    bool const done = names_in(run).back() == "step-00000002";
    done ? ++after : ++before;
    REQUIRE(newest(run, done ? newer : older, passed_over) == (done ? 2 : 1));
    for (auto const& message : passed_over) REQUIRE_THAT(message, EndsWith(": a checkpoint that was not finished"));
    {
      train::run_folder saves(run, tiny_model(), 1);
      REQUIRE((newest(run, done ? newer : older, passed_over) == (done ? 2 : 1) && passed_over.empty()));
      saves.save(newer, at_step(3));
    }
    REQUIRE(names_in(run) == names{"step-00000003"});
    fs::remove_all(run);
    if (WEXITSTATUS(status) == 0) break;
    REQUIRE(WEXITSTATUS(status) == test::crashed);
  }
  REQUIRE(before > 40);
  REQUIRE(after > 3);  // while the older one was removed
}

TEST_CASE("a disk that is full at any call leaves the earlier checkpoint") {
  test::temporary_folder const folder;
  auto const& run = folder.path();
  memory const older(tiny_shape(), 1), newer(tiny_shape(), 2);
  train::run_folder saves(run, tiny_model(), 1);
  saves.save(older, at_step(1));
  names passed_over;
  int failures = 0;
  for (int call = 1, calls = 1; call <= calls; ++call) {
    std::string message;
    test::break_call(call, test::fault::full_disk);
    try {
      saves.save(newer, at_step(2));
    } catch (error const& e) {
      message = e.what();
    }
    calls = int(test::end_of_faults().size());
    auto const all = names_in(run);
    bool const made = all.back() == "step-00000002";
    if (!made) {
      REQUIRE_THAT(message, ContainsSubstring("No space left on device"));
      REQUIRE(all == names{"step-00000001"});
      REQUIRE(newest(run, older, passed_over) == 1);
      calls = call + 1;
      ++failures;
      continue;
    }
    REQUIRE(newest(run, newer, passed_over) == 2);
    fs::remove_all(run / "step-00000002");
    if (!fs::exists(run / "step-00000001")) saves.save(older, at_step(1));
  }
  REQUIRE(failures > 40);
}

TEST_CASE("a limit on the size of files is a full disk too") {
  test::temporary_folder const folder;
  auto const& run = folder.path();
  memory const model(tiny_shape(), 1);
  train::run_folder saves(run, tiny_model(), 1);
  auto const path = saves.save(model, at_step(1));
  auto const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  for (auto const* const name : {"model.safetensors", "moments.safetensors"}) {
    rlimit const small{fs::file_size(path / name) - 1, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::string message;
    try {
      saves.save(model, at_step(2));
    } catch (error const& e) {
      message = e.what();
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    REQUIRE_THAT(message, EndsWith(std::string(name) + ": cannot be written: File too large"));
    REQUIRE(names_in(run) == names{"step-00000001"});
  }
  std::signal(SIGXFSZ, handler);
  saves.save(model, at_step(2));
}
