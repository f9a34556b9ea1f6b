// Text to a corpus: a folder of tokens that pretraining reads.
#include "support/program.hpp"

#include <thread>

#include "cria/text.hpp"
#include "cria/train/data.hpp"
#include "support/interrupt.hpp"
#include "support/progress_line.hpp"

namespace {

/// `text` with line ends for \n, as shells leave it.
std::string with_line_ends(std::string text) {
  for (std::size_t at = 0; (at = text.find("\\n", at)) != std::string::npos; ++at) text.replace(at, 2, "\n");
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  return support::run("corpus", "Text to a corpus, a folder of tokens for pretraining", [&](CLI::App& arguments) {
    std::vector<std::string> inputs;
    std::string model, tokenizer, out;
    cria::train::tokenize_options options;
    auto& format = options.format;
    options.threads = int(std::max(1u, std::thread::hardware_concurrency()));
    std::uint64_t shard_tokens = 100'000'000;
    arguments.add_option("inputs", inputs, "texts, .jsonl files, and folders of .txt, .md and .jsonl")->required();
    arguments.add_option("--out", out, "the new folder")->required();
    arguments.add_option("--model", model, "a .gguf, whose tokenizer is taken");
    arguments.add_option("--tokenizer", tokenizer, "a tokenizer.bin, a SentencePiece .model or a .gguf");
    arguments.add_option("--field", format.field, "the member of JSON lines that holds the text")
        ->capture_default_str();
    arguments.add_option("--separator", format.separator,
                         "what stands between the documents of a text, <|endoftext|> for one; \\n is a line end");
    support::add_number(arguments, "--document-bytes", format.document_bytes,
                        "where a text without separators is cut, at blank lines")
        ->capture_default_str();
    support::add_number(arguments, "--shard-tokens", shard_tokens, "tokens of a file in the folder, at most")
        ->capture_default_str();
    support::add_number(arguments, "--threads", options.threads, "more are faster, with the same result");
    support::parse(arguments, argc, argv);

    if (tokenizer.empty() && model.empty()) throw cria::error("--tokenizer", "required", "a file", "nothing");
    if (options.threads < 1 || options.threads > 1024)
      throw cria::error("--threads", "out of range", "1 to 1024", fmt::format("{}", options.threads));
    if (format.document_bytes < 64 || format.document_bytes > cria::train::largest_document)
      throw cria::error("--document-bytes", "out of range", fmt::format("64 to {}", cria::train::largest_document),
                        fmt::format("{}", format.document_bytes));
    if (shard_tokens < 1) throw cria::error("--shard-tokens", "out of range", "a positive number", "0");
    format.separator = with_line_ends(format.separator);

    auto const tokens = cria::text::open_tokenizer(tokenizer.empty() ? model : tokenizer);
    auto const id = cria::train::id_of(*tokens);
    auto const files = cria::train::find_texts(inputs);
    cria::train::corpus_writer writer(out, id, shard_tokens);
    support::catch_termination();
    std::uint64_t bytes = 0;
    for (auto const& f : files) bytes += f.bytes;
    double seconds = 0;
    auto const sources = [&] {
      support::progress_line line(bytes);
      options.progress = [&](std::uint64_t done) {
        if (support::interrupted) throw cria::error(out, "not made: interrupted");
        line.show(done);
      };
      auto all = cria::train::tokenize_texts(files, *tokens, options, [&](auto document) { writer.add(document); });
      seconds = line.seconds();
      return all;
    }();
    auto const facts = writer.finish(sources);
    auto const plural = [](std::uint64_t n, std::string const& what) {
      return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
    };
    support::write(fmt::format("{}: {} of {} ({:.1f} MB in {:.1f} s) are {} in {} ({:.1f} MB), {:.2f} bytes a token\n",
                               out, plural(facts.documents, "document"), plural(files.size(), "file"),
                               double(bytes) / 1e6, seconds, plural(facts.tokens, "token"),
                               plural(facts.shards.size(), "shard"), double(facts.bytes) / 1e6,
                               double(bytes) / double(facts.tokens)));
  });
}
