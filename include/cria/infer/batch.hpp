#pragma once
// The decode loop: requests come in, sequences decode together, and each gets the tokens that it would get alone.
#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cria/core/error.hpp"
#include "cria/infer/draft/drafter.hpp"
#include "cria/infer/draft/length.hpp"
#include "cria/infer/engine.hpp"
#include "cria/infer/generate.hpp"
#include "cria/infer/sampler.hpp"

namespace cria::infer {

/// A prompt, and what is to become of it.
struct request {
  std::vector<int> prompt;
  sampler* choose;  // of its own; must live until the end
  generation_options options{};
  std::function<void(generation)> on_end{};
};

/// As many sequences at once as the engine has; further requests wait. A pass takes the next token of every sequence, with
/// what was guessed to come after it, and pieces of prompts that are still to be read. What a prompt has in common with a
/// sequence in the cache is shared with it; a sequence that has ended stays there until its place is needed.
class batch {
 public:
  /// `e` and, where there is one, `guesses` must outlive this.
  explicit batch(engine& e, drafter* guesses = nullptr)
      : model_(e), drafter_(guesses), slots_(std::size_t(e.cache().sequences)) {}

  /// Throws cria::error for an empty prompt or one that is longer than the context or the cache.
  void add(request r) {
    if (r.prompt.empty()) throw error("prompt", "empty", "at least one token", "none");
    int const length = int(r.prompt.size());
    if (length > model_.room())
      throw error("prompt", "longer than the context", fmt::format("at most {} tokens", model_.room()),
                  fmt::format("{}", length));
    auto added = std::make_unique<job>(job{std::move(r)});
    added->pages = pages_for(length + std::min(added->asked.options.max_tokens, model_.room() - length));
    if (added->pages > model_.cache().pages)
      throw error("prompt", "does not fit into the kv cache with its answer",
                  fmt::format("at most {} pages", model_.cache().pages), fmt::format("{}", added->pages));
    added->text = added->asked.prompt;
    waiting_.push_back(std::move(added));
  }

  /// One pass. Returns whether there is more to do. When the engine, a sampler or a callback throws, all requests are dropped.
  bool step() {
    try {
      begin_waiting();
      for (auto& s : slots_)
        if (s.work && s.work->interrupted()) end(s, ending::interrupted);
      plan_pass();
      if (!rows_.empty() || !wanted_.empty()) compute();
    } catch (...) {
      for (auto& s : slots_) s.work.reset();
      waiting_.clear();
      throw;
    }
    return !waiting_.empty() || std::any_of(slots_.begin(), slots_.end(), [](slot const& s) { return bool(s.work); });
  }

  /// One request from its beginning to its end, with all others there are.
  generation run(std::span<int const> prompt, sampler& choose, generation_options options) {
    generation result;
    bool ended = false;
    add({{prompt.begin(), prompt.end()}, &choose, std::move(options), [&](generation g) {
           result = std::move(g), ended = true;
         }});
    while (!ended) step();
    return result;
  }

 private:
  static constexpr int most_rows = 256;  // of a pass that reads prompts: between two looks at the interrupts
  static constexpr int longest_guess = 16;

  struct job {
    request asked;
    std::vector<int> text{};  // the prompt and the tokens after it
    generation result{};
    draft_length length{};
    int pages = 0;  // that it may come to need
    bool reading = true;

    bool interrupted() const { return asked.options.interrupt && *asked.options.interrupt; }
  };
  struct slot {
    std::vector<int> cached{};  // the tokens in the cache: a beginning of the job's text
    std::unique_ptr<job> work{};
    long last_use = 0;
  };
  struct part {  // of a pass
    slot* of;
    int rows;                  // of the text and of `guessed`
    bool answers;              // logits are wanted of the last row of the text and those of `guessed`
    std::vector<int> guessed{};
  };

  engine& model_;
  drafter* drafter_;
  std::vector<slot> slots_;
  std::deque<std::unique_ptr<job>> waiting_;
  std::vector<row> rows_, wanted_;  // of a pass: first those without logits
  std::vector<part> parts_;
  work_done drafting_;
  pass_time time_;
  long clock_ = 0;

  int number(slot const& s) const { return int(&s - slots_.data()); }
  int pages_for(int positions) const { return (positions + model_.cache().page - 1) / model_.cache().page; }
  static int common(std::vector<int> const& a, std::vector<int> const& prompt) {
    return int(std::mismatch(a.begin(), a.end(), prompt.begin(), prompt.end() - 1).first -
               a.begin());  // its last token is always read
  }

  // ---- places for requests ----

  void begin_waiting() {
    while (!waiting_.empty() && begin(*waiting_.front())) waiting_.pop_front();
  }

  /// Finds a place for what waits in front. Not while another prompt is being read that has much more in common with it than
  /// the cache has yet.
  bool begin(job& next) {
    auto const& prompt = next.asked.prompt;
    auto const order = [](slot const& a, slot const& b) {
      return std::pair(bool(a.work), a.last_use) < std::pair(bool(b.work), b.last_use);
    };
    auto const longest = [&](slot const& a, slot const& b) { return common(a.cached, prompt) < common(b.cached, prompt); };
    slot* to = &*std::min_element(slots_.begin(), slots_.end(), order);
    if (to->work) return false;
    slot& from = *std::max_element(slots_.begin(), slots_.end(), longest);
    int const shared = common(from.cached, prompt);
    for (auto const& s : slots_)
      if (s.work && s.work->reading && common(s.work->text, prompt) >= shared + model_.cache().page) return false;
    if (!from.work && shared == int(from.cached.size())) to = &from;  // goes on where that one ended
    if (!make_room(next.pages, *to, from)) {
      if (from.work || to == &from || !make_room(next.pages, from, from)) return false;
      to = &from;
    }
    model_.share(number(from), number(*to), shared);
    to->cached.assign(prompt.begin(), prompt.begin() + shared);
    to->work = std::move(waiting_.front());
    return true;
  }

  /// Whether there are pages enough beside what is promised to others; forgets sequences that have ended, if it must.
  bool make_room(int pages, slot const& to, slot& from) {
    int left = model_.cache().pages - pages;
    for (auto const& s : slots_)
      if (&s != &to) left -= s.work ? s.work->pages : pages_for(int(s.cached.size()));
    while (left < 0) {
      slot* oldest = nullptr;
      for (auto& s : slots_)
        if (!s.work && &s != &to && &s != &from && !s.cached.empty() && (!oldest || s.last_use < oldest->last_use)) oldest = &s;
      if (!oldest) break;
      left += pages_for(int(oldest->cached.size()));
      forget(*oldest);
    }
    return left >= 0;
  }

  void forget(slot& s) {
    model_.release(number(s));
    s.cached.clear();
  }

  void end(slot& s, ending how) {
    auto const work = std::move(s.work);
    s.last_use = ++clock_;
    work->result.end = how;
    if (work->asked.on_end) work->asked.on_end(std::move(work->result));
  }

  // ---- a pass ----

  void plan_pass() {
    rows_.clear(), wanted_.clear(), parts_.clear();
    drafting_ = {};
    for (auto& s : slots_)
      if (s.work && !s.work->reading) parts_.push_back({&s, 1, true});
    int left = std::max(1, most_rows - int(parts_.size()));
    bool const reads = std::any_of(slots_.begin(), slots_.end(), [](slot const& s) { return s.work && s.work->reading; });
    if (drafter_ && !reads) draft();
    for (auto& s : slots_) {
      if (!s.work || !s.work->reading || left == 0) continue;
      int const pending = int(s.work->text.size() - s.cached.size()), rows = std::min(left, pending);
      left -= rows;
      parts_.push_back({&s, rows, rows == pending});
    }
    for (auto& p : parts_) add_rows(p);
  }

  void add_rows(part& p) {
    int const begin = int(p.of->cached.size()), sequence = number(*p.of);
    for (int i = 0; i < p.rows; ++i)
      (p.answers && i + 1 == p.rows ? wanted_ : rows_).push_back({p.of->work->text[std::size_t(begin + i)], sequence, begin + i});
    for (int const token : p.guessed) wanted_.push_back({token, sequence, begin + p.rows++});
  }

  /// Guesses for all sequences of the pass.
  void draft() {
    int const others = int(parts_.size());
    double const cost = time_.share_of_row(others, drafter_->seconds_per_token());
    std::vector<guess> guesses;
    std::vector<part*> to;
    for (auto& p : parts_) {
      auto& work = *p.of->work;
      int const left = work.asked.options.max_tokens - int(work.result.tokens.size());
      int const most = std::min({longest_guess, model_.room() - int(work.text.size()), left - 1});
      int const length = work.length.next(cost, others, most);
      if (length <= 0) continue;
      guesses.push_back({number(*p.of), work.text, work.asked.choose, length});
      to.push_back(&p);
    }
    if (guesses.empty()) return;
    drafting_ = drafter_->draft(guesses);
    for (std::size_t i = 0; i < guesses.size(); ++i) to[i]->guessed = std::move(guesses[i].tokens);
  }

  void compute() {
    int const all = int(rows_.size() + wanted_.size()), answers = int(wanted_.size());
    bool const decodes = rows_.empty();
    rows_.insert(rows_.end(), wanted_.begin(), wanted_.end());
    auto const start = std::chrono::steady_clock::now();
    auto const logits = model_.forward(rows_, infer::logits(answers));
    double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (decodes) time_.add(all, seconds);
    auto const cost = model_.cost();
    auto const width = std::size_t(model_.vocabulary());
    std::size_t at = 0;
    for (auto& p : parts_) {
      auto& s = *p.of;
      int const known = p.rows - int(p.guessed.size());
      auto const next = s.work->text.begin() + std::ptrdiff_t(s.cached.size());
      s.cached.insert(s.cached.end(), next, next + known);
      double const share = double(p.rows) / all, reach = double(s.cached.size() + p.guessed.size());
      (s.work->reading ? s.work->result.prompt : s.work->result.answer) +=
          {known, share * (seconds + drafting_.seconds),
           share * (cost.weight_bytes + drafting_.bytes) + cost.cache_bytes_per_position * reach};
      if (!p.answers) continue;
      std::size_t const size = (1 + p.guessed.size()) * width;
      accept(s, logits.subspan(at, size), width, p.guessed);
      at += size;
    }
  }

  /// Chooses tokens in order, from logits [1 + guessed, vocabulary], as far as the guesses were right.
  void accept(slot& s, std::span<float const> logits, std::size_t vocabulary, std::vector<int> const& guessed) {
    auto& work = *s.work;
    work.reading = false;
    std::size_t right = 0;
    std::optional<ending> over;
    while (!(over = choose(s, logits.subspan(right * vocabulary, vocabulary))) && right < guessed.size() &&
           work.text.back() == guessed[right])
      s.cached.push_back(guessed[right++]);
    work.length.took(int(guessed.size()), int(right));
    work.result.answer.tokens += int(right);
    work.result.drafted += int(guessed.size()), work.result.accepted += int(right);
    if (over) end(s, *over);
  }

  /// The next token of a sequence, or what ends it; both where it was the last.
  std::optional<ending> choose(slot const& s, std::span<float const> logits) {
    auto& work = *s.work;
    auto const& options = work.asked.options;
    auto& tokens = work.result.tokens;
    if (work.interrupted()) return ending::interrupted;
    if (int(tokens.size()) >= options.max_tokens) return ending::max_tokens;
    int const token = (*work.asked.choose)(logits);
    if (std::find(options.stops.begin(), options.stops.end(), token) != options.stops.end()) return ending::stop_token;
    tokens.push_back(token), work.text.push_back(token);
    if (options.on_token) options.on_token(token);
    if (int(tokens.size()) >= options.max_tokens) return ending::max_tokens;
    if (int(s.cached.size()) >= model_.room()) return ending::context_full;
    return std::nullopt;
  }
};

}  // namespace cria::infer
