// What an extension may ask for, and each refusal.
#include "runtime/telemetry_subscription.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace hearth::runtime {
namespace {

base::Json Good() {
  return base::Json::parse(R"({"schemaVersion":"2022-12-13","types":["platform","function"],
    "destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/a/b?c=d"}})");
}

std::string Read(const base::Json& body, TelemetryApi api = TelemetryApi::kTelemetry) {
  const auto read = ReadTelemetrySubscription(api, body.dump());
  if (read) return "taken";
  EXPECT_EQ(read.error().status, 400);
  EXPECT_EQ(read.error().type,
            api == TelemetryApi::kLogs ? "Logs.ValidationError" : "ValidationError");
  return read.error().message;
}

TEST(TelemetrySubscription, HasAwssDefaults) {
  const auto read = ReadTelemetrySubscription(TelemetryApi::kTelemetry, Good().dump());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->schema_version, "2022-12-13");
  EXPECT_EQ(read->types, (std::vector<std::string>{"platform", "function"}));
  EXPECT_TRUE(read->Wants("function"));
  EXPECT_FALSE(read->Wants("extension"));
  EXPECT_EQ(read->max_items, 10000u);
  EXPECT_EQ(read->max_bytes, 262144u);
  EXPECT_EQ(read->timeout.count(), 1000);
  EXPECT_FALSE(read->is_tcp);
  EXPECT_EQ(read->port, 8080);
  EXPECT_EQ(read->method, "POST");
  EXPECT_EQ(read->host, "sandbox.localdomain:8080");
  EXPECT_EQ(read->target, "/a/b?c=d");
}

TEST(TelemetrySubscription, ReadsEveryMember) {
  base::Json body = Good();
  body["buffering"] = {{"maxItems", 1000}, {"maxBytes", 1048576}, {"timeoutMs", 30000}};
  body["destination"] = {{"protocol", "TCP"}, {"port", 65535}};
  const auto tcp = ReadTelemetrySubscription(TelemetryApi::kTelemetry, body.dump());
  ASSERT_TRUE(tcp.has_value());
  EXPECT_EQ(tcp->max_items, 1000u);
  EXPECT_EQ(tcp->max_bytes, 1048576u);
  EXPECT_EQ(tcp->timeout.count(), 30000);
  EXPECT_TRUE(tcp->is_tcp);
  EXPECT_EQ(tcp->port, 65535);
  body = Good();
  body["destination"] = {
      {"protocol", "HTTP"}, {"URI", "http://sandbox:1?q"}, {"method", "PUT"}, {"encoding", "JSON"}};
  const auto put = ReadTelemetrySubscription(TelemetryApi::kTelemetry, body.dump());
  ASSERT_TRUE(put.has_value());
  EXPECT_EQ(put->method, "PUT");
  EXPECT_EQ(put->target, "/?q");
}

TEST(TelemetrySubscription, TakesTheVersionsOfItsApi) {
  base::Json body = Good();
  const std::string telemetry = "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29";
  const std::string logs = "schemaVersion should be one of 2020-08-15, 2021-03-18";
  for (const char* version : {"2022-07-01", "2022-12-13", "2025-01-29"}) {
    body["schemaVersion"] = version;
    EXPECT_EQ(Read(body), "taken");
    EXPECT_EQ(Read(body, TelemetryApi::kLogs), logs);
  }
  for (const char* version : {"2020-08-15", "2021-03-18"}) {
    body["schemaVersion"] = version;
    EXPECT_EQ(Read(body), telemetry);
    EXPECT_EQ(Read(body, TelemetryApi::kLogs), "taken");
  }
  body["schemaVersion"] = 7;
  EXPECT_EQ(Read(body), "schemaVersion should be a string; " + telemetry);
  body.erase("schemaVersion");
  EXPECT_EQ(Read(body), telemetry);
  EXPECT_EQ(Read(body, TelemetryApi::kLogs), "taken");
}

TEST(TelemetrySubscription, RefusesWhatIsWrongByName) {
  const auto with = [](const char* pointer, const base::Json& value) {
    base::Json body = Good();
    body[base::Json::json_pointer(pointer)] = value;
    return Read(body);
  };
  EXPECT_EQ(with("/types", base::Json::array()), "types should not be empty");
  EXPECT_EQ(with("/types", nullptr), "types should not be empty");
  EXPECT_EQ(with("/types", "platform"), "types should be a list");
  EXPECT_EQ(with("/types", {"platform", "other"}),
            "types should be of platform, function, extension");
  EXPECT_EQ(with("/types", {1}), "types should be of platform, function, extension");
  EXPECT_EQ(with("/types", {"function", "function"}), "types should be unique");
  EXPECT_EQ(with("/buffering", 5), "buffering should be an object");
  for (const base::Json& value : {base::Json(999), base::Json(10001), base::Json(-1),
                                  base::Json("1000"), base::Json(1000.5)}) {
    EXPECT_EQ(with("/buffering/maxItems", value), "maxItems should be between 1000 and 10000");
  }
  EXPECT_EQ(with("/buffering/maxBytes", 262143), "maxBytes should be between 262144 and 1048576");
  EXPECT_EQ(with("/buffering/maxBytes", 1048577), "maxBytes should be between 262144 and 1048576");
  EXPECT_EQ(with("/buffering/timeoutMs", 24), "timeoutMs should be between 25 and 30000");
  EXPECT_EQ(with("/buffering/timeoutMs", 30001), "timeoutMs should be between 25 and 30000");
  EXPECT_EQ(with("/destination", nullptr), "destination is not provided");
  EXPECT_EQ(with("/destination/protocol", "UDP"), "protocol should be HTTP or TCP");
  EXPECT_EQ(with("/destination/method", "DELETE"), "method should be POST or PUT");
  EXPECT_EQ(with("/destination/encoding", "XML"), "encoding should be JSON");
  EXPECT_EQ(with("/destination/protocol", "TCP"), "port is not provided");
  EXPECT_EQ(with("/destination", {{"protocol", "TCP"}, {"port", 0}}),
            "port should be between 1 and 65535");
  EXPECT_EQ(with("/destination", {{"protocol", "TCP"}, {"port", 9001}}), "port 9001 is reserved");
}

TEST(TelemetrySubscription, RefusesUrisThatLeadElsewhere) {
  const auto uri = [](const std::string& text) {
    base::Json body = Good();
    body["destination"]["URI"] = text;
    return Read(body);
  };
  EXPECT_EQ(uri("http://sandbox.localdomain:8080"), "taken");
  EXPECT_EQ(uri(""), "URI is not provided");
  EXPECT_EQ(uri("http://sandbox.localdomain"), "URI port is not provided");
  EXPECT_EQ(uri("http://sandbox.localdomain/x"), "URI port is not provided");
  EXPECT_EQ(uri("http://sandbox.localdomain:"), "URI port is not provided");
  EXPECT_EQ(uri("http://sandbox.localdomain:0"), "URI port should be between 1 and 65535");
  EXPECT_EQ(uri("http://sandbox.localdomain:65536"), "URI port should be between 1 and 65535");
  EXPECT_EQ(uri("http://sandbox.localdomain:80x"), "URI port should be between 1 and 65535");
  EXPECT_EQ(uri("http://sandbox.localdomain:9001/x"), "port 9001 is reserved");
  EXPECT_EQ(uri("https://sandbox.localdomain:80"), "Only 'http' scheme is supported.");
  for (const char* host : {"localhost:80", "169.254.169.254:80", "u@sandbox:80", "[::1]:80"}) {
    EXPECT_EQ(uri(std::string("http://") + host),
              "Only 'sandbox.localdomain' hostname is supported.");
  }
  const char* const text = "URI should have printable ASCII characters only";
  EXPECT_EQ(uri("http://sandbox:80/ HTTP/1.1\r\nX: y"), text);
  EXPECT_EQ(uri("http://sandbox:80/\xc3\xa4"), text);
  EXPECT_EQ(uri("http://sandbox:80/" + std::string(8192, 'a')), "URI is too long");
}

TEST(TelemetrySubscription, TellsEverythingThatIsWrongAtOnce) {
  base::Json body = Good();
  body["types"] = base::Json::array();
  body["destination"]["URI"] = "http://sandbox.localdomain";
  EXPECT_EQ(Read(body), "URI port is not provided; types should not be empty");  // AWS's example.
  for (const char* text : {"", "{", "[]", "7", "\"x\"", "null", "\xff"}) {
    EXPECT_FALSE(ReadTelemetrySubscription(TelemetryApi::kLogs, text).has_value()) << text;
  }
}

}  // namespace
}  // namespace hearth::runtime
