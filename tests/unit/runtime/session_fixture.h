// A delegate that writes down what it is told, and a loop to be told on.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "runtime/session.h"
#include "tests/unit/io/raw_client.h"

namespace hearth::test {

class Recorder : public runtime::RuntimeSession::Delegate {
 public:
  void OnReady() override { Add("ready"); }
  void OnInitError(runtime::FunctionError error) override {
    Add("init error " + error.type + " " + error.payload);
  }
  void OnResponse(std::string_view id, std::string payload, std::string content_type) override {
    last_payload = payload;
    Add("response " + std::string(id) + " " + content_type + " " +
        (payload.size() < 200 ? payload : std::to_string(payload.size()) + " bytes"));
  }
  void OnError(std::string_view id, runtime::FunctionError error) override {
    Add("error " + std::string(id) + " " + error.type + " " + error.payload);
  }
  void OnStreamBegin(std::string_view id, std::string content_type) override {
    Add("stream " + std::string(id) + " " + content_type);
  }
  bool OnStreamPiece(std::string_view piece) override {
    streamed += piece;
    Add("piece " + std::to_string(piece.size()));
    return has_room;
  }
  void OnStreamEnd() override { Add("stream end"); }
  void OnIdle() override { Add("idle"); }
  void OnBroken(std::string reason) override { Add("broken: " + reason); }

  bool is_broken() const { return !events.empty() && events.back().starts_with("broken: "); }

  std::vector<std::string> events;
  std::string last_payload;
  std::string streamed;
  bool has_room = true;
  std::function<void(const std::string&)> on_event;

 private:
  void Add(const std::string& event) {
    events.push_back(event);
    if (on_event) on_event(event);
  }
};

// Both directions of a channel on one socket, so that a test speaks to one peer.
inline runtime::ChannelSockets OnOnePair(base::UniqueFd socket) {
  base::UniqueFd copy(::dup(socket.get()));
  return {std::move(copy), std::move(socket)};
}

class SessionTest : public testing::Test {
 protected:
  using Events = std::vector<std::string>;

  static runtime::InvocationEvent Event(const std::string& id, std::string payload = "{}") {
    return {.request_id = id,
            .deadline_ms = 1786019699000,
            .invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:F",
            .payload = std::move(payload)};
  }

  base::VirtualClock clock_{base::WallTime(std::chrono::seconds(1786019696))};
  io::Loop loop_{clock_};
  Recorder told_;
  std::unique_ptr<runtime::RuntimeSession> session_;
};

}  // namespace hearth::test
