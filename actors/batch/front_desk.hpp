#pragma once
/// The desk that http/ knows, in front of the batch stage.

#include "actors/batch/batch.hpp"
#include "actors/batch/desk.hpp"
#include "actors/messages.hpp"

namespace lazaret::actors {

class front_desk final : public batch::desk {
 public:
  /// `supervisor` is looked at when asked: it goes before the desk does.
  front_desk(caf::actor_system& system, const supervisor_actor& supervisor, const batch_options& options,
             const board& figures)
      : system_{system}, supervisor_{supervisor}, options_{options}, board_{figures} {}

  void submit(batch::new_job what, reply<batch::submitted> done) override;
  void cancel(std::string id, reply<found_job> done) override;
  void await(std::string id, std::chrono::milliseconds within, reply<found_job> done) override;
  [[nodiscard]] std::optional<batch::job> find(const std::string& id) override;
  [[nodiscard]] std::unique_ptr<durable::subscription> subscribe(const std::string& id,
                                                                 std::function<void()> poke) override;
  [[nodiscard]] std::filesystem::path log_of(const batch::job& which) const override;
  [[nodiscard]] std::filesystem::path artifacts_of(const batch::job& which) const override;

 private:
  caf::actor_system& system_;
  const supervisor_actor& supervisor_;
  const batch_options& options_;
  const board& board_;
};

}  // namespace lazaret::actors
