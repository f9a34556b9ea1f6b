#pragma once
// Which chat format a model speaks.
#include <memory>

#include "cria/infer/chat/chatml.hpp"
#include "cria/infer/chat/gemma.hpp"
#include "cria/infer/chat/llama2.hpp"
#include "cria/infer/chat/llama3.hpp"
#include "cria/infer/chat/mistral.hpp"
#include "cria/infer/chat/mistral3.hpp"
#include "cria/infer/chat/plain.hpp"
#include "cria/infer/chat/zephyr.hpp"

namespace cria::infer {

namespace detail {

/// What a part of one of Jinja's literals means. Nothing where the literal ends within, at its `quote` or, where that is
/// not known (0), at either kind, and where it is no literal but holds a part of the program.
inline std::optional<std::string> literal_text(std::string_view written, char quote) {
  constexpr std::string_view escapes = "nt'\"\\", meanings = "\n\t'\"\\";
  if (written.find("{{") != written.npos || written.find("{%") != written.npos) return {};
  std::string text;
  for (std::size_t i = 0; i < written.size(); ++i) {
    char const c = written[i];
    if (c == quote || (quote == 0 && (c == '\'' || c == '"'))) return {};
    auto const escaped = c == '\\' && i + 1 < written.size() ? escapes.find(written[++i]) : escapes.npos;
    if (c == '\\' && escaped == escapes.npos) return {};
    text += c == '\\' ? meanings[escaped] : c;
  }
  return text;
}

}  // namespace detail

/// The system message that a ChatML template puts in front where the conversation has none, if it is written out there.
/// Templates are programs; this reads the one literal that matters, the first that holds a whole system message.
inline std::optional<std::string> default_system(std::string_view chat_template) {
  constexpr std::string_view opening = "<|im_start|>system";
  for (auto at = chat_template.find(opening); at != chat_template.npos; at = chat_template.find(opening, at + 1)) {
    char const before = at > 0 ? chat_template[at - 1] : '\0';
    auto rest = chat_template.substr(at + opening.size());
    if (!rest.starts_with('\n') && !rest.starts_with("\\n")) continue;
    rest.remove_prefix(rest[0] == '\n' ? 1 : 2);
    auto const end = rest.find("<|im_end|>");
    if (end == rest.npos) return {};
    if (auto text = detail::literal_text(rest.substr(0, end), before == '\'' || before == '"' ? before : '\0')) return text;
  }
  return {};
}

/// What a template of Llama 3.1 writes in front of every system text. The date is the one that stands in the template,
/// not today's, so that the same conversation has the same answer tomorrow.
inline std::optional<std::string> llama3_preamble(std::string_view chat_template) {
  constexpr std::string_view knowledge = "Cutting Knowledge Date: December 2023", date = "date_string = \"";
  if (chat_template.find(knowledge) == std::string_view::npos) return {};
  auto const at = chat_template.find(date);
  std::string_view today = "26 Jul 2024";
  if (at != std::string_view::npos) {
    today = chat_template.substr(at + date.size());
    today = today.substr(0, today.find('"'));
  }
  return fmt::format("{}\nToday Date: {}\n\n", knowledge, today);
}

/// Whether a template with Zephyr's marks puts eos behind the user's text as well; Tulu's and Phi 3's look alike, but don't.
inline bool ends_users_text(std::string_view chat_template) {
  constexpr std::string_view mark = "<|user|>";
  auto const at = chat_template.find(mark);
  if (at == std::string_view::npos) return false;
  auto const message = chat_template.substr(at + mark.size());
  return message.substr(0, message.find("<|")).find("eos_token") != std::string_view::npos;
}

/// By the file's chat template, else by the special tokens of its vocabulary, else by its size: old files of Llama 2
/// name no format. Where nothing is known, plain. `tokens` must outlive the format.
inline std::unique_ptr<chat_format> choose_chat_format(text::tokenizer const& tokens, std::string_view chat_template,
                                                       int embed) {
  bool const none = chat_template.empty();
  auto const says = [&](std::string_view mark) { return chat_template.find(mark) != std::string_view::npos; };
  if (chatml_format::known_to(tokens) && (none || says("<|im_start|>")))
    return std::make_unique<chatml_format>(tokens, default_system(chat_template), says("</think>"));
  if (llama3_format::known_to(tokens) && (none || says("<|start_header_id|>")))
    return std::make_unique<llama3_format>(tokens, llama3_preamble(chat_template));
  if (gemma_format::known_to(tokens) && (none || says("<start_of_turn>")))
    return std::make_unique<gemma_format>(tokens);
  if (none ? tokens.size() == 32000 && embed >= 4096 : says("[INST]") && says("<<SYS>>"))
    return std::make_unique<llama2_format>(tokens);
  if (says("[INST]") && !says("[SYSTEM_PROMPT]")) {
    if (!says("[AVAILABLE_TOOLS]")) return std::make_unique<mistral_format>(tokens);
    bool const other_blanks = says("[INST]\"") || says("[INST]'");  // of later formats
    if (!other_blanks && mistral3_format::known_to(tokens)) return std::make_unique<mistral3_format>(tokens);
  }
  if (ends_users_text(chat_template)) return std::make_unique<zephyr_format>(tokens);
  return std::make_unique<plain_format>(tokens);
}

}  // namespace cria::infer
