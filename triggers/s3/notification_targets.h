// Whether the targets of a bucket's notifications are there, and let the store send to them.
//
// As AWS does, a configuration is refused as a whole and each bad target is named. A target with no
// policy at all lets everybody in, as nobody is kept out of it otherwise while authorisation is
// off; one with a policy is asked. See docs/decisions/0010-object-notifications.md. Source: S3 User
// Guide, "Granting permissions to publish event notification messages to a destination"; words as
// recorded on AWS.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "invoker/destinations.h"
#include "invoker/function.h"
#include "triggers/s3/notification_config.h"

namespace hearth::s3 {

struct NotificationTargets {
  const invoker::Destinations& destinations;
  invoker::Account account;

  // NotImplemented where nothing serves a target's kind; with `skip` (the header
  // x-amz-skip-destination-validation), nothing else is looked at.
  enum class Validation { kFull, kSkip };
  std::optional<ApiError> Check(const NotificationConfig& config, const std::string& bucket,
                                Validation validation = Validation::kFull) const;

 private:
  // What is wrong with one, in AWS's words; empty: nothing.
  std::string Wrong(const NotificationRule& rule, const std::string& bucket) const;
};

}  // namespace hearth::s3
