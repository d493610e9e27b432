#include "cli/arguments.h"

#include <gmock/gmock.h>

#include <sstream>

#include "cli/logs.h"

namespace hearth::cli {
namespace {

using testing::HasSubstr;

struct Outcome {
  int code;
  std::string out, err, body, url;
  io::HttpHeaders headers;
};

Outcome RunWith(const std::vector<std::string>& arguments,
                base::Result<io::HttpResponse> answer = io::HttpResponse{},
                const std::string& input = "") {
  Outcome outcome;
  std::istringstream in(input);
  std::ostringstream out, err;
  outcome.code = Run(arguments, {in, out, err,
                                 [&](const io::FetchRequest& request) {
                                   outcome.url = request.url;
                                   outcome.body = request.body;
                                   outcome.headers = request.headers;
                                   return answer;
                                 },
                                 ""});
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

TEST(Arguments, ThatAreWrongEndWithTwoAndSayWhy) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"fly"},
      {"invoke"},
      {"deploy"},
      {"deploy", "a", "b"},
      {"ps", "--fast"},
      {"invoke", "F", "--log", "head"},
      {"invoke", "F", "x"},
      {"invoke", "F", "--payload", "{}", "--payload-file", "f"},
      {"logs", "F", "--tail", "-1"},
      {"logs", "F", "--tail", "many"},
      {"clock", "advance"},
      {"clock", "advance", "2"},
      {"clock", "advance", "90000h"},
      {"bench", "F", "--connections", "0"},
      {"bench", "F", "--duration", "10"},
      {"bench", "F", "--rate", "-3"},
      {"bench", "F", "--payload", "{"},
      {"bench"},
      {"bench", "F", "G"},
      {"bench", "F", "G", "--cold"},
      {"bench", "F", "--calls", "10"},
      {"bench", "F", "--interval", "1s"},
      {"bench", "F", "--cold", "--calls", "0"},
      {"bench", "F", "--cold", "--rate", "5"},
      {"bench", "F", "--cold", "--burst", "5"},
      {"bench", "F", "--burst", "5", "--connections", "5"},
      {"bench", "F", "--burst", "0"},
      {"bench", "--compare", "a.json"},
      {"bench", "F", "--compare", "/nowhere/a.json", "/nowhere/b.json"},
      {"bench", "--compare", "/nowhere/a.json", "/nowhere/b.json"},
      {"bench", "F", "--endpoint", "https://x"},
      {"invoke", "F", "--payload", "{bad"},
      {"invoke", "F", "--payload-file", "/nowhere/x"}};
  for (const auto& arguments : wrong) {
    const Outcome outcome = RunWith(arguments);
    EXPECT_EQ(outcome.code, kUsage) << testing::PrintToString(arguments);
    EXPECT_NE(outcome.err, "") << testing::PrintToString(arguments);
  }
}

TEST(Arguments, HelpTeachesACommandAndTheExitCodes) {
  const Outcome outcome = RunWith({"--help"});
  EXPECT_EQ(outcome.code, kOk);
  EXPECT_THAT(outcome.out, HasSubstr("hearth invoke Hello"));
  EXPECT_THAT(outcome.out, HasSubstr("Exit codes"));
}

TEST(Invoke, SendsThePayloadAndPrintsTheReply) {
  const Outcome outcome =
      RunWith({"invoke", "my fn", "--payload", "{\"a\":1}", "--qualifier", "v1"},
              io::HttpResponse{.body = "[1]"});
  EXPECT_EQ(outcome.code, kOk);
  EXPECT_EQ(outcome.out, "[1]\n");
  EXPECT_EQ(outcome.body, "{\"a\":1}");
  EXPECT_EQ(outcome.url,
            "http://127.0.0.1:4566/2015-03-31/functions/my%20fn/invocations?Qualifier=v1");
}

TEST(Invoke, ReadsStandardInputInEverySpelling) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"invoke", "F", "-"},
                                             {"invoke", "F", "--payload", "-"},
                                             {"invoke", "F", "--payload-file", "-"}}) {
    EXPECT_EQ(RunWith(arguments, io::HttpResponse{}, "[7]").body, "[7]");
  }
}

TEST(Invoke, AFunctionErrorIsReadableAndEndsWithOne) {
  io::HttpResponse answer{.body = R"({"errorType":"ValueError","errorMessage":"boom",)"
                                  R"("stackTrace":["File x, line 2\n    raise\n"]})"};
  answer.headers.Add("X-Amz-Function-Error", "Unhandled");
  const Outcome outcome = RunWith({"invoke", "F"}, answer);
  EXPECT_EQ(outcome.code, kFunctionError);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "hearth: F failed (Unhandled): ValueError: boom\n  File x, line 2\n      raise\n");
}

TEST(Invoke, ShowsTheLogTailBesideTheReply) {
  io::HttpResponse answer{.body = "1"};
  answer.headers.Add("X-Amz-Log-Result", "U1RBUlQK");
  const Outcome outcome = RunWith({"invoke", "F", "--log", "tail"}, answer);
  EXPECT_EQ(outcome.headers.Get("X-Amz-Log-Type"), "Tail");
  EXPECT_THAT(outcome.err, HasSubstr("START\n"));
  EXPECT_EQ(outcome.out, "1\n");
}

TEST(Clock, IsShownAndMovedByADurationInMilliseconds) {
  const io::HttpResponse answer{.body = R"({"now":"2026-01-02T00:00:00.000Z","virtual":true})"};
  const Outcome shown = RunWith({"clock"}, answer);
  EXPECT_EQ(shown.out, "2026-01-02T00:00:00.000Z\n");
  EXPECT_EQ(shown.body, "");
  const Outcome moved = RunWith({"clock", "advance", "30d"}, answer);
  EXPECT_EQ(moved.code, kOk);
  EXPECT_EQ(moved.url, "http://127.0.0.1:4566/_hearth/clock");
  EXPECT_EQ(moved.body, R"({"advance_ms":2592000000})");
}

TEST(Client, SaysHowToStartAHostThatCannotBeReached) {
  const Outcome outcome =
      RunWith({"ps"}, base::MakeError(base::ErrorKind::kClosed, "connect", "refused"));
  EXPECT_EQ(outcome.code, kHostError);
  EXPECT_THAT(outcome.err, HasSubstr("start it with: hearthd\n"));
}

TEST(Client, ShowsARefusalInTheHostsWords) {
  io::HttpResponse answer{.status = 404, .body = R"({"Message":"Function not found: F"})"};
  answer.headers.Add("x-amzn-ErrorType", "ResourceNotFoundException");
  const Outcome outcome = RunWith({"invoke", "F"}, answer);
  EXPECT_EQ(outcome.code, kHostError);
  EXPECT_EQ(outcome.err,
            "hearth: hearthd refused: ResourceNotFoundException: Function not found: F\n");
}

TEST(Bench, AFunctionThatIsNotThereIsOneErrorHoweverItIsMeasured) {
  io::HttpResponse answer{.status = 404, .body = R"({"Message":"Function not found: G"})"};
  answer.headers.Add("x-amzn-ErrorType", "ResourceNotFoundException");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"bench", "G", "--cold"},
                                             {"bench", "F", "G", "--burst", "7"},
                                             {"bench", "G", "--duration", "1s"}}) {
    const Outcome outcome = RunWith(arguments, answer);
    EXPECT_EQ(outcome.code, kHostError);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "hearth: hearthd refused: ResourceNotFoundException: Function not found: G\n");
  }
}

TEST(Commands, SurviveAnswersOfAnyShape) {
  for (const char* body : {"", "null", "[]", "{}", "\"x\"", "{", R"({"instances":7,"events":{}})",
                           R"({"instances":[1,null,{"pid":{}}],"counters":[]})",
                           R"({"events":[null,{"message":[],"timestamp_ms":-1}],"next":"x"})",
                           R"({"stacks":[[]],"Functions":[{"MemorySize":null}]})"}) {
    for (const char* command : {"ps", "functions", "status", "stacks"}) {
      RunWith({command}, io::HttpResponse{.body = body});
      RunWith({"--json", command}, io::HttpResponse{.body = body});
    }
    RunWith({"logs", "F"}, io::HttpResponse{.body = body});
    EXPECT_EQ(RunWith({"delete", "S"}, io::HttpResponse{.body = body}).code, kHostError) << body;
  }
}

TEST(Logs, FollowsFromTheCursorThatTheHostGave) {
  std::ostringstream out, err;
  Console console{out, err};
  std::vector<std::string> asked;
  const Client client(
      "http://h:1", [&](const io::FetchRequest& request) -> base::Result<io::HttpResponse> {
        asked.push_back(request.url.substr(10));
        return io::HttpResponse{
            .body = R"({"events":[{"sequence":9,"timestamp_ms":0,"stream":"d/[1]abcdef99",)"
                    R"("message":"one\ntwo\u001b[2J\n"}],"next":9})"};
      });
  int rounds = 1;
  RunLogs(client, console, {.function = "F", .tail = 5, .follow = true, .go_on = [&rounds] {
                              return rounds-- > 0;
                            }});
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0], "/_hearth/logs/F?tail=5");
  EXPECT_EQ(asked[1], "/_hearth/logs/F?after=9&wait_s=20");
  EXPECT_THAT(out.str(), HasSubstr("1970-01-01T00:00:00.000Z  abcdef  one\n"));
  EXPECT_THAT(out.str(), HasSubstr("  two?[2J\n"));
}

}  // namespace
}  // namespace hearth::cli
