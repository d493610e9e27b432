// The Extensions API as an extension sees it: states, events, and each refusal in AWS's words.
#include "runtime/extensions_api.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "base/limits.h"
#include "runtime/api_server.h"
#include "tests/unit/runtime/session_fixture.h"

namespace hearth::runtime {
namespace {

using test::RawClient;
using test::Settle;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ExtensionsApiTest : public testing::Test, private ExtensionsApi::Delegate {
 protected:
  void Make(const std::vector<std::string>& external = {}) {
    ExtensionsApi::Delegate& self = *this;
    api_ = std::make_unique<ExtensionsApi>(
        ExtensionsApi::Function{"F", "7", "app.handler", "000000000000"}, external, self);
    base::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    ASSERT_EQ(::listen(listener.get(), 64), 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
    server_ = ApiServer::Create(loop_, std::move(listener),
                                [this](io::HttpRequest& request, io::HttpResponder& responder) {
                                  return api_->Handle(request, responder);
                                });
  }
  void TearDown() override {
    clients_.clear();
    api_.reset();
    server_.reset();
    Settle(loop_);
  }

  static std::string Text(const std::string& method, const std::string& path,
                          const std::string& headers, const std::string& body) {
    return method + " /2020-01-01/extension/" + path + " HTTP/1.1\r\nHost: x\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  std::string Ask(const std::string& method, const std::string& path,
                  const std::string& headers = "", const std::string& body = "") {
    RawClient client(loop_, address_);
    client.Send(Text(method, path, headers + "Connection: close\r\n", body));
    std::string answer = client.ReadToEnd();
    client.Close();
    Settle(loop_);
    return answer;
  }
  std::string Register(const std::string& name, const std::string& body) {
    return Ask("POST", "register", "Lambda-Extension-Name: " + name + "\r\n", body);
  }
  // Its identifier.
  std::string Registered(const std::string& name,
                         const std::string& events = "[\"INVOKE\",\"SHUTDOWN\"]") {
    const std::string answer = Register(name, "{\"events\":" + events + "}");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    const auto at = answer.find("Lambda-Extension-Identifier: ");
    return at == std::string::npos ? "" : answer.substr(at + 29, 36);
  }
  static std::string Id(const std::string& id) {
    return "Lambda-Extension-Identifier: " + id + "\r\n";
  }
  // Waits for the next event on a connection of its own.
  RawClient& Wait(const std::string& id) {
    clients_.push_back(std::make_unique<RawClient>(loop_, address_));
    clients_.back()->Send(Text("GET", "event/next", Id(id), ""));
    Settle(loop_);
    return *clients_.back();
  }
  static void ExpectRefusal(const std::string& answer, const std::string& type,
                            const std::string& message) {
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(answer,
                HasSubstr("{\"errorMessage\":\"" + message + "\",\"errorType\":\"" + type + "\"}"));
  }

  base::VirtualClock clock_{base::WallTime(std::chrono::seconds(1786019696))};
  io::Loop loop_{clock_};
  std::unique_ptr<ExtensionsApi> api_;
  std::unique_ptr<ApiServer> server_;
  std::string address_;
  std::vector<std::unique_ptr<RawClient>> clients_;
  std::vector<std::string> told_;
  std::optional<TelemetryRefusal> refusal_;

 private:
  void OnRegistered() override { told_.push_back("registered"); }
  void OnAsked() override { told_.push_back("asked"); }
  void OnExtensionError(std::string_view type) override { told_.emplace_back(type); }
  std::optional<TelemetryRefusal> OnSubscription(std::string_view name,
                                                 TelemetrySubscription subscription) override {
    told_.push_back("subscribed " + std::string(name) + " " + subscription.schema_version);
    return refusal_;
  }
};

constexpr char kUnknown[] = "00000000-0000-4000-8000-000000000000";

TEST_F(ExtensionsApiTest, AnExtensionRegistersAndIsToldOfCallsAndOfTheEnd) {
  Make({"watch"});
  EXPECT_FALSE(api_->AllRegistered());
  const std::string answer =
      Ask("POST", "register",
          "Lambda-Extension-Name: watch\r\nLambda-Extension-Accept-Feature: accountId\r\n",
          "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}");
  EXPECT_THAT(answer, HasSubstr("{\"functionName\":\"F\",\"functionVersion\":\"7\",\"handler\":"
                                "\"app.handler\",\"accountId\":\"000000000000\"}"));
  const std::string id = api_->all()[0].id;
  EXPECT_THAT(answer, HasSubstr("Lambda-Extension-Identifier: " + id));
  EXPECT_TRUE(api_->AllRegistered());
  EXPECT_FALSE(api_->AllReady());
  RawClient& first = Wait(id);
  EXPECT_TRUE(api_->AllReady());
  EXPECT_TRUE(api_->AllWait());
  EXPECT_THAT(told_, ElementsAre("registered", "asked"));
  api_->Invoke({"r1", 1786019699000, "arn:F", "Root=1"});
  EXPECT_FALSE(api_->AllWait());
  ASSERT_TRUE(first.WaitFor("Root=1"));
  EXPECT_THAT(first.received(),
              HasSubstr("{\"eventType\":\"INVOKE\",\"deadlineMs\":1786019699000,\"requestId\":"
                        "\"r1\",\"invokedFunctionArn\":\"arn:F\",\"tracing\":{\"type\":"
                        "\"X-Amzn-Trace-Id\",\"value\":\"Root=1\"}}"));
  EXPECT_THAT(first.received(), HasSubstr("Lambda-Extension-Event-Identifier: "));
  RawClient& second = Wait(id);
  EXPECT_TRUE(api_->AllWait());
  api_->Shutdown("spindown", 1786019701000);
  ASSERT_TRUE(
      second.WaitFor("{\"eventType\":\"SHUTDOWN\",\"deadlineMs\":1786019701000,"
                     "\"shutdownReason\":\"spindown\"}"));
}

TEST_F(ExtensionsApiTest, RegistrationsAreRefusedInAwssWords) {
  Make({"watch"});
  ExpectRefusal(Ask("POST", "register", "", "{}"), "Extension.InvalidExtensionName",
                "Empty extension name");
  for (const std::string body : {"", "no json", "[]", "{\"events\":7}", "{\"events\":[7]}",
                                 "{\"configurationKeys\":[\"a\"]}"}) {
    EXPECT_THAT(Register("watch", body), HasSubstr("\"errorType\":\"InvalidRequestFormat\"}"))
        << body;
  }
  ExpectRefusal(Register("watch", "{\"events\":[\"BOOM\"]}"), "Extension.InvalidEventType",
                "BOOM: ErrorInvalidEventType");
  ExpectRefusal(Register("inner", "{\"events\":[\"SHUTDOWN\"]}"), "Extension.InvalidEventType",
                "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension");
  Registered("watch");
  ExpectRefusal(Register("watch", "{}"), "Extension.InvalidExtensionState",
                "State transition from Registered to Registered failed for extension watch. "
                "Error: State transition is not allowed");
  Registered("inner", "[\"INVOKE\"]");
  ExpectRefusal(Register("inner", "{}"), "Extension.InvalidExtensionState",
                "Extension with this name already registered");
  for (int n = 2; n < 10; ++n) Registered("inner" + std::to_string(n), "[]");
  ExpectRefusal(Register("eleventh", "{}"), "Extension.TooManyExtensions",
                "Extension limit (10) reached");
  api_->CloseRegistration();
  ExpectRefusal(Register("late", "{}"), "Extension.RegistrationClosed",
                "Extension registration closed already");
  EXPECT_EQ(api_->all().size(), limits::kMaxExtensions);
}

TEST_F(ExtensionsApiTest, IdentifiersAreAskedForAndKnown) {
  Make();
  for (const auto& [method, path] :
       {std::pair("GET", "event/next"), {"POST", "init/error"}, {"POST", "exit/error"}}) {
    ExpectRefusal(Ask(method, path), "Extension.MissingExtensionIdentifier",
                  "Missing Lambda-Extension-Identifier header");
    ExpectRefusal(Ask(method, path, Id("not-a-uuid")), "Extension.InvalidExtensionIdentifier",
                  "Invalid Lambda-Extension-Identifier");
    ExpectRefusal(Ask(method, path, Id(kUnknown)), "Extension.UnknownExtensionIdentifier",
                  std::string("Unknown extension ") + kUnknown);
  }
  EXPECT_THAT(Ask("GET", "register"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Ask("GET", "event/other"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(told_, IsEmpty());
}

constexpr char kSubscription[] =
    R"({"schemaVersion":"%s","types":["platform","function"],)"
    R"("destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/x"}})";

TEST_F(ExtensionsApiTest, AnExtensionSubscribesUntilItsInitIsOver) {
  Make({"watch"});
  const auto put = [&](const std::string& path, const std::string& headers,
                       const std::string& body) {
    RawClient client(loop_, address_);
    client.Send("PUT " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    std::string answer = client.ReadToEnd();
    client.Close();
    Settle(loop_);
    return answer;
  };
  const std::string id = Id(Registered("watch"));
  told_.clear();
  for (const auto& [path, api, version] :
       {std::tuple("/2022-07-01/telemetry", "Telemetry", "2022-12-13"),
        {"/2022-07-01/telemetry/", "Telemetry", "2025-01-29"},
        {"/2020-08-15/logs", "Logs", "2021-03-18"}}) {
    std::string good = kSubscription;
    good.replace(good.find("%s"), 2, version);
    ExpectRefusal(put(path, "", good), "Extension.MissingExtensionIdentifier",
                  "Missing Lambda-Extension-Identifier header");
    ExpectRefusal(put(path, Id(kUnknown), good), "Extension.UnknownExtensionIdentifier",
                  std::string("Unknown extension ") + kUnknown);
    EXPECT_THAT(put(path, id, good),
                testing::AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\"OK\"")));
    EXPECT_EQ(told_.back(), std::string("subscribed watch ") + version);
    EXPECT_THAT(put(path, id, "{"),
                testing::AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("ValidationError\"")));
    refusal_ = TelemetryRefusal{400, "Any.Type", "any words"};
    EXPECT_THAT(put(path, id, good),
                testing::AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("any words")));
    refusal_.reset();
  }
  api_->CloseSubscriptions();
  ExpectRefusal(put("/2022-07-01/telemetry", id, "{}"), "Telemetry.SubscriptionClosed",
                "Telemetry API subscription is closed already");
  ExpectRefusal(put("/2020-08-15/logs", id, "{}"), "Logs.SubscriptionClosed",
                "Logs API subscription is closed already");
}

TEST_F(ExtensionsApiTest, AnExtensionSaysOnceHowItFailed) {
  Make({"watch"});
  const std::string id = Registered("watch");
  ExpectRefusal(Ask("POST", "init/error", Id(id)), "Extension.MissingHeader",
                "Lambda-Extension-Function-Error-Type not found");
  const std::string header = "Lambda-Extension-Function-Error-Type: Ext.Bad\r\n";
  for (int n = 0; n < 2; ++n) {
    EXPECT_THAT(Ask("POST", "init/error", Id(id) + header), StartsWith("HTTP/1.1 202"));
  }
  EXPECT_THAT(told_, ElementsAre("registered", "Extension.InitError"));
  EXPECT_EQ(api_->all()[0].error_type, "Ext.Bad");
  ExpectRefusal(Ask("GET", "event/next", Id(id)), "Extension.InvalidExtensionState",
                "State transition from InitError to Ready failed for extension " + id +
                    ". Error: State transition is not allowed");
}

TEST_F(ExtensionsApiTest, AnErrorAtItsExitIsToldInAnyStateAfterItsRegistration) {
  Make({"a", "b"});
  const std::string header = "Lambda-Extension-Function-Error-Type: Ext.Bad\r\n";
  const std::string registered = Registered("a");
  const std::string waiting = Registered("b");
  Wait(waiting);
  EXPECT_THAT(Ask("POST", "exit/error", Id(registered) + header), StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(Ask("POST", "exit/error", Id(waiting) + header), StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(Ask("POST", "init/error", Id(waiting) + header),
              HasSubstr("State transition from ExitError to InitError failed"));
}

TEST_F(ExtensionsApiTest, OneThatWaitsMayNotWaitTwiceUnlessItsConnectionIsLost) {
  Make({"watch"});
  const std::string id = Registered("watch");
  RawClient& first = Wait(id);
  ExpectRefusal(Ask("GET", "event/next", Id(id)), "Extension.InvalidExtensionState",
                "State transition from Ready to Ready failed for extension " + id +
                    ". Error: State transition is not allowed");
  first.Close();
  Settle(loop_);
  RawClient& second = Wait(id);
  api_->Invoke({"r1", 1, "arn", ""});
  EXPECT_TRUE(second.WaitFor("\"requestId\":\"r1\""));
  EXPECT_THAT(second.received(), testing::Not(HasSubstr("tracing")));
}

TEST_F(ExtensionsApiTest, AnEventWhoseReaderIsGoneIsKeptForItsNextRequest) {
  Make({"watch"});
  const std::string id = Registered("watch");
  Wait(id).Close();
  Settle(loop_);
  api_->Invoke({"r1", 1, "arn", ""});
  EXPECT_FALSE(api_->AllWait());
  EXPECT_TRUE(Wait(id).WaitFor("\"requestId\":\"r1\""));
  EXPECT_FALSE(api_->AllWait());
  // The end that comes while it is at work is the next event.
  api_->Shutdown("timeout", 2);
  EXPECT_TRUE(Wait(id).WaitFor("\"shutdownReason\":\"timeout\""));
}

TEST_F(ExtensionsApiTest, OneThatWantsNoCallsIsNotWaitedForInThem) {
  Make({"end", "none"});
  const std::string end = Registered("end", "[\"SHUTDOWN\"]");
  const std::string none = Registered("none", "[]");
  EXPECT_FALSE(api_->AllReady());
  RawClient& first = Wait(end);
  RawClient& second = Wait(none);
  EXPECT_TRUE(api_->AllReady());
  api_->Invoke({"r1", 1, "arn", ""});
  api_->Shutdown("failure", 2);
  EXPECT_TRUE(first.WaitFor("\"shutdownReason\":\"failure\""));
  EXPECT_THAT(first.received(), testing::Not(HasSubstr("INVOKE")));
  EXPECT_THAT(second.received(), IsEmpty());
}

}  // namespace
}  // namespace hearth::runtime
