#pragma once
// A run of pretraining: the model, its data, its folder, and who is told of it.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/infer.hpp"
#include "cria/text.hpp"
#include "cria/text/export.hpp"
#include "cria/train/data.hpp"
#include "cria/train/metrics.hpp"
#include "cria/train/open_engine.hpp"
#include "cria/train/run_folder.hpp"
#include "cria/train/trainer.hpp"
#include "support/interrupt.hpp"
#include "support/model_type.hpp"
#include "support/pretrain_settings.hpp"
#include "support/program.hpp"
#include "support/training_data.hpp"
#include "support/training_display.hpp"

namespace support {

class pretraining final : public cria::train::observer {
 public:
  pretraining(pretrain_settings const& s, cria::train::recipe const& how, cria::llama2::hyperparameters const& shape,
              std::string const& config)
      : s_(s),
        how_(how),
        shape_(shape),
        tokens_(s.tokenizer.empty() ? nullptr : cria::text::open_tokenizer(s.tokenizer)) {
    using namespace cria;
    if (tokens_ && tokens_->size() != shape.vocabulary)
      throw error(s.tokenizer, "the tokenizer is not this model's", fmt::format("{} tokens", shape.vocabulary),
                  fmt::format("{}", tokens_->size()));
    auto const seen = how.across_documents ? train::documents_see::across : train::documents_see::within;
    auto sources = open_data(s.data, tokens_.get());
    if (auto const& v = sources[0].from->vocabulary(); v.size != shape.vocabulary)
      throw error(sources[0].from->name(), "its tokens are not the model's", fmt::format("{} tokens", shape.vocabulary),
                  fmt::format("{}", v.size));
    std::size_t const most = std::size_t(4 * how.batch_tokens);
    for (auto const& source : sources) {
      auto const rows = train::held_out_rows(*source.from, s.held_out, how.context, seen, most / sources.size());
      int const first = held_out_.empty() ? 0 : held_out_.back().sequence + 1;
      for (auto r : rows) r.sequence += first, held_out_.push_back(r);
    }
    for (auto& r : held_out_) r.weight = 1 / float(held_out_.size());
    data_.emplace(std::move(sources), train::mixture_options{.context = how.context,
                                                             .sequences = int(how.batch_tokens / how.context),
                                                             .seen = seen,
                                                             .held_out = s.held_out,
                                                             .seed = s.seed});
    int const rows = int(std::min<long>(how.batch_tokens, std::max(1, 1024 / how.context) * how.context));
    model_ = train::open_engine(shape, config, s.weights, {.rows = rows});
  }

  cria::train::engine& model() { return *model_; }

  void restore(cria::train::saved_run const& from) {
    using namespace cria;
    auto const where = from.folder.string();
    train::detail::members const stream(where, from.state.stream);
    done_ = {from.state.step, long(stream.count("tokens")), stream.number("seconds")};
    if (done_.step > s_.steps)
      throw error(where, "step", fmt::format("up to {}", s_.steps), fmt::format("{}", done_.step));
    data_->restore(stream.at("data"));
    train::restore(*model_, from);
    saved_ = from.folder;
  }

  void train() {
    using namespace cria;
    folder_.emplace(s_.out, model_files(), s_.keep);
    log_.emplace((std::filesystem::path(s_.out) / "metrics.jsonl").string(), done_.step);
    display_.emplace("pretrain", s_.steps, done_.step, s_.json);
    say("pretrain", introduction());
    if (saved_.empty()) save({});
    train::trainer trainer(
        *model_, [&] { return data_->next(); },
        {.how = how_, .held_out = held_out_, .validate_every = s_.validate_every, .save_every = s_.save_every}, done_);
    auto const end = trainer.run(*this);
    display_->clear();
    auto const path = [&](char const* name) { return (std::filesystem::path(s_.out) / name).string(); };
    if (s_.csv) io::write_file(path("metrics.csv"), train::as_csv(train::read_metrics(path("metrics.jsonl"))));
    if (end == train::run_end::stopped) {
      say("pretrain",
          fmt::format("stopped after step {}, which is saved; --resume --out {} goes on", done_.step, s_.out));
    } else {
      auto const gguf = write_gguf() ? fmt::format(", and {} for llama.cpp", path("model.gguf")) : "";
      say("pretrain", fmt::format("done: the model is {}{}", saved_.string(), gguf));
      if (s_.sample_every == 0 || s_.steps % s_.sample_every != 0) show_sample(s_.steps);
    }
  }

 private:
  pretrain_settings const& s_;
  cria::train::recipe how_;
  cria::llama2::hyperparameters shape_;
  std::unique_ptr<cria::text::tokenizer> tokens_;
  std::vector<cria::train::row> held_out_;
  std::optional<cria::train::mixture> data_;
  std::unique_ptr<cria::train::engine> model_;
  cria::train::progress done_;
  std::optional<cria::train::run_folder> folder_;
  std::optional<cria::train::metrics_log> log_;
  std::optional<training_display> display_;
  std::filesystem::path saved_;

  std::string introduction() const {
    long training = 0;
    for (std::size_t i = 0; i < data_->sources(); ++i) training += long(data_->training_tokens(i));
    return fmt::format("{} parameters, {} steps of {} tokens, {} to train on and {} held out{}; run {}",
                       parameters_of(shape_), s_.steps, how_.batch_tokens, training, held_out_.size(),
                       done_.step > 0 ? fmt::format(", on from step {}", done_.step) : "", s_.out);
  }

  cria::train::run_model model_files() const {
    cria::train::run_model about{shape_};
    if (!tokens_) return about;
    about.ids = {tokens_->bos(), tokens_->eos()};
    about.beside = cria::text::tokenizer_files(s_.tokenizer);
    return about;
  }

  /// The finished model beside the checkpoints, where there is a tokenizer, which the format cannot do without.
  bool write_gguf() const {
    if (!tokens_) return false;
    cria::io::gguf_writer file;
    cria::text::add_tokenizer(file, s_.tokenizer);
    auto const to = (std::filesystem::path(s_.out) / "model.gguf").string();
    cria::llama2::write_gguf(to, std::move(file), shape_, cria::dtype::f32, weights_now(to));
    return true;
  }

  /// The weights as they are now, by the names of a checkpoint.
  cria::llama2::whole_weights weights_now(std::string const& where) const {
    auto const map = std::make_shared<cria::train::detail::parameter_map>(*model_, shape_, where);
    return cria::llama2::whole_weights([this, map](std::string_view name, int layer) {
      return model_->read(cria::train::state::weight, map->index(name, layer));
    });
  }

  void stepped(cria::train::step_record const& r) override {
    log_->add(r);
    done_ = r.done;
    if (s_.json) write(cria::train::to_line(r)), flush();
    display_->show(r);
    if (s_.sample_every > 0 && r.done.step % s_.sample_every == 0) show_sample(r.done.step);
  }

  void save(cria::train::step_record const& r) override {
    cria::train::run_state at{.step = r.done.step, .validation_loss = r.validation_loss};
    if (r.done.step > 0) at.training_loss = r.loss;
    at.stream = {{"tokens", r.done.tokens}, {"seconds", r.done.seconds}, {"data", data_->state()}};
    at.settings = s_.kept.values();
    saved_ = folder_->save(*model_, at);
  }

  bool stop() override { return interrupted != 0; }

  /// A text of the model as it is now, from a folder that is gone afterwards. It is named like an unfinished
  /// checkpoint, so that what a kill leaves of it is cleared away like one.
  void show_sample(long step) {
    using namespace cria;
    if (!tokens_ || infer::model_types().empty()) return;
    io::atomic_folder folder(std::filesystem::path(s_.out) / train::detail::step_name(step));
    auto const inside = folder.temporary() / "model";
    auto const format = s_.weights == "bf16" ? dtype::bf16 : dtype::f32;  // as the kernels are compiled for
    llama2::write_hugging_face(inside, shape_, format, weights_now(inside.string()));
    auto const weights = llama2::checkpoint::open(inside.string());
    int const room = std::min(shape_.context, how_.context);
    auto const engine = infer::open_engine(weights, {.room = room});
    infer::batch batch(*engine);
    infer::sampler choose({.temperature = 0.8, .top_p = 0.9, .seed = s_.seed});
    int const first = tokens_->bos();
    auto const g =
        batch.run(std::span(&first, 1), choose,
                  {.max_tokens = std::min(128, room - 1), .stops = {first, tokens_->eos()}, .interrupt = &interrupted});
    infer::text_stream stream(*tokens_, false);
    std::string text;
    for (int const token : g.tokens) text += stream.put(token);
    text += stream.finish();
    display_->clear();
    if (s_.json) return write(nlohmann::ordered_json{{"step", step}, {"sample", text}}.dump() + "\n"), flush();
    say("pretrain", fmt::format("a text by the model after step {}:", step));
    write(text + "\n"), flush();
  }
};

}  // namespace support
