// A model's file, of any kind that the library reads, as a GGUF or as a folder in Hugging Face's layout.
#include "support/program.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cria/model/adapter.hpp"
#include "cria/text/export.hpp"
#include "support/interrupt.hpp"
#include "support/model.hpp"
#include "support/progress_line.hpp"

namespace {

using namespace cria;
namespace fs = std::filesystem;

class conversion {
 public:
  support::model_arguments from;
  std::string adapter, out, dtype_name;

  /// What can be known before a file is opened.
  void check() const {
    io::check_new(out);
    if (!to_gguf() && facts(format()).quantised())
      throw error("--dtype",
                  fmt::format("blocks have no place in Hugging Face's layout, and {} doesn't end in .gguf", out),
                  "f32, f16 or bf16", dtype_name);
  }

  void run() {
    auto file = llama2::checkpoint::open(from.file);
    auto const source = llama2::weights_of(file);
    if (adapter.empty()) return write(file, file.shape(), source);
    file.attach(llama2::adapter::open(adapter, file.shape()));
    write(file, llama2::without_adapter(file.shape()), llama2::merged(file.shape(), source));
  }

 private:
  std::vector<std::string> notices_{};  // said when all went well: what is refused is one line

  bool to_gguf() const { return out.ends_with(".gguf"); }

  cria::dtype format() const {
    auto const found = std::ranges::find(dtype_table, dtype_name, &dtype_facts::name);
    return cria::dtype(found - dtype_table.begin());
  }

  /// Where the tokenizer is; empty: nowhere.
  std::string tokenizer(llama2::checkpoint const& file) const {
    if (!from.tokenizer.empty()) return from.tokenizer;
    if (file.gguf()) return file.gguf()->find("tokenizer.ggml.model") ? from.file : "";
    std::error_code ignored;
    if (!fs::is_directory(from.file, ignored)) return {};
    for (auto const* const name : {"tokenizer.gguf", "tokenizer.model", "tokenizer.bin", "tokenizer.json"})
      if (io::is_there((fs::path(from.file) / name).string())) return from.file;
    return {};
  }

  /// Calls `use` with the tokenizer's file. One that cannot be taken along is no reason to stop, unless it was asked
  /// for.
  void with_tokenizer(llama2::checkpoint const& file, auto const& use) {
    auto const path = tokenizer(file);
    if (path.empty()) {
      notices_.push_back("there is no tokenizer beside the weights: the new files have none (--tokenizer names one)");
      return;
    }
    try {
      auto const tokens = text::open_tokenizer(path);
      int const rows = file.shape().vocabulary;
      if (tokens->size() > rows)
        throw error(path, "the tokenizer is not this model's", fmt::format("at most {} tokens", rows),
                    std::to_string(tokens->size()));
      use(path, *tokens);
    } catch (error const& e) {
      if (!from.tokenizer.empty()) throw;
      notices_.push_back(fmt::format("the tokenizer is left out: {}", e.what()));
    }
  }

  void write(llama2::checkpoint const& file, llama2::hyperparameters const& h, llama2::weight_source const& source) {
    auto const layout = to_gguf() ? llama2::gguf_layout(h, format()) : llama2::hugging_face_layout(h, format());
    auto const size = llama2::bytes_of(layout);
    std::optional<support::progress_line> line(size);
    std::uint64_t done = 0;
    auto const watch = [&](std::uint64_t bytes) {
      if (support::interrupted) throw error(out, "not made: interrupted");
      line->show(done += bytes);
    };
    to_gguf() ? write_gguf(file, h, source, watch) : write_folder(file, h, source, watch);
    double const seconds = line->seconds();
    line.reset();
    if (auto const narrow =
            std::ranges::count_if(layout, [&](auto const& t) { return t.shape.size() > 1 && t.format == dtype::f16; });
        narrow > 0 && facts(format()).quantised())
      notices_.push_back(fmt::format("{} matrices are f16: their rows are no whole number of blocks", narrow));
    for (auto const& notice : notices_) support::say("convert", notice);
    support::write(fmt::format("{}: {:.1f} MB in {}, from {} ({}), in {:.1f} s\n", out, double(size) / 1e6, dtype_name,
                               from.file, file.format_name(), seconds));
  }

  void write_gguf(llama2::checkpoint const& file, llama2::hyperparameters const& h, llama2::weight_source const& source,
                  io::write_watch const& watch) {
    io::gguf_writer keys;
    with_tokenizer(file, [&](std::string const& path, text::tokenizer const&) {
      io::gguf_writer with_tokens;
      for (auto const& what : text::add_tokenizer(with_tokens, path, h.vocabulary))
        notices_.push_back(fmt::format("{} cannot be said in a GGUF", what));
      keys = std::move(with_tokens);
    });
    auto name = fs::path(from.file).lexically_normal();
    if (!name.has_filename()) name = name.parent_path();
    std::error_code ignored;
    auto const called =
        fs::is_directory(from.file, ignored) ? name.filename() : name.stem();  // Qwen2.5-0.5B ends in no kind of file
    auto const given = file.gguf() ? file.gguf()->text("general.name") : std::nullopt;
    llama2::write_gguf(out, std::move(keys), h, format(), source, given ? std::string(*given) : called.string(),
                       watch);
  }

  void write_folder(llama2::checkpoint const& file, llama2::hyperparameters const& h,
                    llama2::weight_source const& source, io::write_watch const& watch) {
    llama2::special_ids ids;
    std::vector<io::named_file> beside;
    with_tokenizer(file, [&](std::string const& path, text::tokenizer const& tokens) {
      beside = text::tokenizer_files(path, h.vocabulary);
      ids = {tokens.bos(), tokens.eos()};
    });
    add_generation_config(beside);
    llama2::write_hugging_face(out, h, format(), source, ids, beside, watch);
  }

  /// What else transformers goes by when it generates: where an answer ends, for one.
  void add_generation_config(std::vector<io::named_file>& beside) {
    constexpr char const* name = "generation_config.json";
    auto const path = (fs::path(from.file) / name).string();
    if (!io::is_there(path)) return;
    try {
      io::mapped_file const content(path);
      if (auto const parsed = io::read_json(content); !parsed.is_object())
        throw error(path, "content", "a JSON object", parsed.type_name());
      beside.push_back({name, std::string(io::as_text(content.bytes()))});
    } catch (error const& e) {
      notices_.push_back(fmt::format("{} is left out: {}", name, e.what()));
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  return support::run(
      "convert", "A model's file as a GGUF, or as a folder in Hugging Face's layout", [&](CLI::App& arguments) {
        conversion c;
        c.from.add_files(arguments);
        arguments.add_option("--adapter", c.adapter, "a folder of peft's, whose adapter is merged into the weights");
        arguments.add_option("--out", c.out, "what to make: a name that ends in .gguf, or a new folder")->required();
        arguments.add_option("--dtype", c.dtype_name, "format of the matrices")
            ->required()
            ->check(CLI::IsMember({"f32", "bf16", "f16", "q8_0", "q4_0", "q4_1"}));
        support::parse(arguments, argc, argv);
        c.check();
        support::catch_termination();
        c.run();
      });
}
