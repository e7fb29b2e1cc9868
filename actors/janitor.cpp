#include "actors/janitor.hpp"

namespace lazaret::actors {

janitor_actor::behavior_type janitor_state::start(janitor_options options, std::shared_ptr<board> figures) {
  options_ = std::move(options);
  board_ = std::move(figures);
  for (const auto& kind : options_.kinds) kinds_.push_back(std::make_unique<retention>(kind, board_->meters()));
  self_->send(self_, tidy_up{});
  return {[this](tidy_up) { work(); }};
}

void janitor_state::work() {
  if (!std::exchange(in_round_, true))
    for (const auto& kind : kinds_) kind->begin_round();
  const auto more = forget_some();
  in_round_ = more && *more;
  if (!in_round_) tell(more ? std::string{} : more.error().describe());
  self_->delayed_send(self_, in_round_ ? rest : options_.every, tidy_up{});
}

/// One kind in trouble does not keep the other.
sandbox::result<bool> janitor_state::forget_some() {
  const auto expired = options_.tidy(expired_at_once);
  auto all = expired ? sandbox::result<bool>{*expired > 0} : expired.error();
  for (const auto& kind : kinds_) {
    const auto more = kind->step();
    if (!more)
      all = more;
    else if (all)
      *all = *all || *more;
  }
  return all;
}

void janitor_state::tell(const std::string& trouble) {
  if (in_trouble_ == !trouble.empty()) return;
  in_trouble_ = !trouble.empty();
  if (options_.tell) options_.tell(trouble);
}

}  // namespace lazaret::actors
