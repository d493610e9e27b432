#include "cli/clock.h"

#include "base/json.h"
#include "cli/json_fields.h"

namespace hearth::cli {

int RunClock(const Client& client, Console& console, std::optional<base::Duration> advance) {
  Client::Call call{.path = "/_hearth/clock"};
  if (advance) {
    const auto millis = std::chrono::ceil<std::chrono::milliseconds>(*advance);
    call.method = "POST";
    call.body = base::ToJsonText({{"advance_ms", millis.count()}});
  }
  const auto response = client.Ask(std::move(call));
  if (!response) return Fail(console, response.error());
  if (console.json) {
    console.out << response->body << '\n';
    return kOk;
  }
  const auto body = base::ParseJson(response->body);
  if (!body) return Fail(console, {kHostError, "the host did not answer with JSON"});
  console.out << Text(*body, "now") << '\n';
  if (Field(*body, "virtual") != true) {
    console.err << "the machine's time; a virtual clock: hearthd --clock virtual\n";
  }
  return kOk;
}

}  // namespace hearth::cli
