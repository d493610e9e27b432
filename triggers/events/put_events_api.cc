// EventsApi: PutEvents.
#include <algorithm>

#include "triggers/events/errors.h"
#include "triggers/events/events_api.h"

namespace hearth::events {
namespace {

using aws::ApiError;
using base::Json;

constexpr std::array<std::string_view, 7> kMembers = {
    "Detail", "DetailType", "EventBusName", "Resources", "Source", "Time", "TraceHeader"};

// As AWS's error shows an entry.
std::string Shown(const Json& entry) {
  const auto text = [&entry](const char* name) {
    const auto found = entry.is_object() ? entry.find(name) : entry.end();
    if (!entry.is_object() || found == entry.end() || found->is_null()) return std::string("null");
    return found->is_string() ? found->get<std::string>() : base::ToJsonText(*found);
  };
  return "PutEventsRequestEntry(time=" + text("Time") + ", source=" + text("Source") +
         ", resources=" + text("Resources") + ", detailType=" + text("DetailType") +
         ", detail=" + text("Detail") + ", eventBusName=" + text("EventBusName") +
         ", traceHeader=" + text("TraceHeader") + ", kmsKeyIdentifier=null, internalMetadata=null)";
}

// What the wire's form forbids of an entry; it is few and cheap, as there are many of them.
void CheckEntry(const Json& entry, size_t number, Faults& faults) {
  const std::string path = "entries." + std::to_string(number) + ".member.";
  if (!entry.is_object()) {
    return faults.Refuse({400, "SerializationException", path + " is to be an object"});
  }
  for (const auto& [name, value] : entry.items()) {
    if (value.is_null()) continue;
    const bool is_known = std::ranges::find(kMembers, name) != kMembers.end();
    if (!is_known) {
      faults.Refuse(NotServed("the parameter '" + path + name.substr(0, 200) + "'"));
    } else if (name == "Resources") {
      bool is_list = value.is_array();
      for (const Json& each : value) is_list = is_list && each.is_string();
      if (!is_list) {
        faults.Refuse({400, "SerializationException", path + name + " is to be a list of strings"});
      }
    } else if (name == "Time" ? !value.is_number() : !value.is_string()) {
      faults.Refuse({400, "SerializationException", path + name + " is of another type"});
    }
  }
  const bool is_restricted =
      entry.contains("Time") || entry.contains("EventBusName") || entry.contains("TraceHeader");
  if (!is_restricted || faults.other) return;
  Members in(entry, faults, path);
  in.Moment("Time");
  in.Text("EventBusName", kBusNameOrArn);
  in.Text("TraceHeader", {1, 500});
}

}  // namespace

void EventsApi::PutEvents(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  in.Require("Entries");
  const Json* entries = in.Any("Entries");
  if (entries != nullptr && entries->is_array() && entries->size() > kMaxEntries) {
    std::string all;
    for (const Json& entry : *entries) all += (all.empty() ? "" : ", ") + Shown(entry);
    in.Violates("Value '[" + all.substr(0, 64 * 1024) + "]'", "Entries",
                "Member must have length less than or equal to 10");
  } else {
    entries = in.List("Entries", 1, kMaxEntries);
  }
  in.RefuseMember("EndpointId");
  in.Done();
  if (IsRefused(request, faults)) return;
  size_t bytes = 0;
  for (size_t i = 0; i < entries->size(); ++i) {
    CheckEntry((*entries)[i], i + 1, faults);
    bytes += EntryBytes((*entries)[i]);
  }
  if (bytes > kMaxEntriesBytes) {
    faults.Refuse(Invalid("Total size of the entries in the request is over the limit."));
  }
  if (IsRefused(request, faults)) return;
  const EventMaker maker{parts_.account, NowMs()};
  std::vector<Event> events;
  Json answers = Json::array();
  int failed = 0;
  const auto fail = [&](std::string code, std::string message) {
    ++failed;
    answers.push_back({{"ErrorCode", std::move(code)}, {"ErrorMessage", std::move(message)}});
  };
  for (const Json& entry : *entries) {
    const auto named = entry.find("EventBusName");
    auto bus = BusNameOf(named == entry.end() || named->is_null()
                             ? std::string_view()
                             : std::string_view(named->get_ref<const std::string&>()),
                         parts_.account);
    if (!bus) {
      fail("InvalidArgument", bus.error().message);
      continue;
    }
    auto event = maker.FromEntry(entry);
    if (!event) {
      fail(std::move(event.error().code), std::move(event.error().message));
      continue;
    }
    answers.push_back({{"EventId", event->id}});
    event->bus = *std::move(bus);
    events.push_back(*std::move(event));
  }
  parts_.buses.Put(std::move(events), Answering(request, {{"FailedEntryCount", failed},
                                                          {"Entries", std::move(answers)}}));
}

}  // namespace hearth::events
