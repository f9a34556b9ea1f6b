#pragma once
// One checkpoint of a training run: a folder in Hugging Face's layout, with what it takes to go on beside the weights.
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/io/named_file.hpp"
#include "cria/io/safetensors.hpp"
#include "cria/model/checkpoint.hpp"
#include "cria/model/export.hpp"
#include "cria/train/engine.hpp"
#include "cria/train/parameter_map.hpp"
#include "cria/train/run_state.hpp"

namespace cria::train {

/// The model of a run, as its files say it. `beside` are a tokenizer's files.
struct run_model {
  llama2::hyperparameters shape;
  llama2::special_ids ids{};
  std::vector<io::named_file> beside{};
};

/// A checkpoint whose files are all there, each with the checksum it was written with.
struct saved_run {
  std::filesystem::path folder;
  run_state state;
};

namespace detail {

inline constexpr std::string_view config_file = "config.json", weights_file = "model.safetensors",
                                  moments_file = "moments.safetensors";

struct moment {
  llama2::weight_place place;
  state which;
  std::string name;
};

/// The moments of the trained parameters, under the weights' names in Llama's layout, GPT-2's under the library's, with
/// .first_moment or .second_moment behind.
inline std::vector<moment> moments(llama2::hyperparameters const& h, parameter_map const& map) {
  std::vector<moment> all;
  auto const name = [&](llama2::weight_place const& p) {
    bool const own = h.kind == llama2::architecture::gpt2;  // whose files hold several weights in one tensor
    return own ? fmt::format("{}.{}", p.weight.name, p.layer) : llama2::detail::hugging_face_name(p.weight.name, p.layer);
  };
  for (auto const& place : llama2::places_of(h))
    if (map.at(place.weight.name, place.layer).trained)
      for (auto const& [which, suffix] :
           {std::pair{state::first_moment, "first_moment"}, {state::second_moment, "second_moment"}})
        all.push_back(
            {place, which, fmt::format("{}.{}", name(place), suffix)});
  return all;
}

}  // namespace detail

/// Writes the files of a checkpoint into `folder`, which is there; last training.json, which knows the others. Weights
/// and moments are f32.
inline void write_checkpoint(std::filesystem::path const& folder, engine const& model, run_model const& about,
                             run_state const& at) {
  using namespace detail;
  auto const& h = about.shape;
  parameter_map const map(model, h, folder.string());
  auto const path = [&](std::string_view name) { return (folder / name).string(); };
  state_text(path(state_file), at, {});  // what will be refused is refused before the large files are written
  file_list files;
  auto const small = [&](std::string const& name, std::string const& content) {
    bool const own = name == config_file || name == weights_file || name == moments_file || name == state_file;
    if (name.empty() || name.find('/') != std::string::npos || files.contains(name) || (own && !files.empty()))
      throw error(path(name), "name of a file beside the weights", "one of its own", io::printable(name));
    files[name] = {content.size(), io::checksum_of(std::as_bytes(std::span(content)))};
    io::write_file(path(name), content);
  };
  small(std::string(config_file), llama2::hugging_face_config(h, dtype::f32, about.ids).dump(2) + '\n');
  for (auto const& [name, content] : about.beside) small(name, content);

  llama2::whole_weights const weights([&](std::string_view name, int layer) {
    return model.read(state::weight, map.index(name, layer));
  });
  files[std::string(weights_file)] = llama2::write_safetensors(path(weights_file), h, dtype::f32, weights);
  auto const all = moments(h, map);
  std::vector<io::safetensor_plan> plan;
  for (auto const& m : all) plan.push_back({m.name, dtype::f32, llama2::detail::extents_of(m.place.weight)});
  files[std::string(moments_file)] = io::write_safetensors(path(moments_file), plan, [&](std::size_t i, io::tensor_sink& to) {
    auto const& [w, layer] = all[i].place;
    to.values(llama2::reordered(llama2::row_order::hugging_face, h, w, model.read(all[i].which, map.index(w.name, layer))));
  });
  io::write_file(path(state_file), state_text(path(state_file), at, files));
}

/// Reads training.json and compares every file with it. Throws cria::error for what is missing, damaged or of another
/// kind.
inline saved_run open_checkpoint(std::filesystem::path const& folder) {
  detail::state_reader const reader(folder);
  reader.check_files(folder, std::array{detail::config_file, detail::weights_file, detail::moments_file});
  return {folder, reader.state()};
}

/// Gives the engine the weights of an open checkpoint, of whatever format. Throws cria::error, with nothing changed,
/// where the shapes differ.
inline void load_weights(engine& model, llama2::checkpoint const& from) {
  detail::parameter_map const map(model, from.shape(), from.path());
  auto const weights = llama2::weights_of(from);
  for (auto const& [w, layer] : llama2::places_of(from.shape()))
    model.write(state::weight, map.index(w.name, layer), weights.values(w, layer));
}

/// Gives the engine weights and moments as they were saved, bit for bit. Throws cria::error, with nothing changed,
/// where the checkpoint is not this model's.
inline void restore(engine& model, saved_run const& from) {
  auto const weights = llama2::checkpoint::open(from.folder.string());
  auto const& h = weights.shape();
  detail::parameter_map const map(model, h, weights.path());
  io::safetensors const file(io::mapped_file((from.folder / detail::moments_file).string()));
  auto const all = detail::moments(h, map);
  for (auto const& m : all) {
    auto const where = fmt::format("{}: {}", file.path(), m.name);
    auto const* const t = file.tensor(m.name);
    if (t == nullptr) throw error(where, "missing tensor");
    if (t->type != "F32") throw error(where, "type", "F32", io::printable(t->type));
    if (auto const expected = llama2::detail::extents_of(m.place.weight); t->shape != expected)
      throw error(where, "shape", llama2::detail::extents(expected), llama2::detail::extents(t->shape));
  }
  load_weights(model, weights);
  for (auto const& m : all)
    model.write(m.which, map.index(m.place.weight.name, m.place.layer),
                llama2::reordered(llama2::row_order::meta, h, m.place.weight, file.values<float>(m.name)));
}

}  // namespace cria::train
