// A request from anybody: the gateway finds its service or says why not, and names are read or
// refused.
#include <cstddef>
#include <cstdint>
#include <string>

#include "aws/arn.h"
#include "aws/gateway.h"
#include "base/check.h"

namespace {

using hearth::io::HttpRequest;

class FakeLambda final : public hearth::aws::Service {
 public:
  std::string_view name() const override { return "lambda"; }
  void Handle(hearth::aws::Call call) override {
    CHECK(call.request_id.size() == 36);
    ++handled;
  }
  int handled = 0;
};

// Claims whatever is nobody's, and would read every body as it comes.
class FakeStore final : public hearth::aws::Service {
 public:
  std::string_view name() const override { return "s3"; }
  void Handle(hearth::aws::Call) override { ++handled; }
  bool Claims(const HttpRequest& head) const override { return head.path().starts_with("/b"); }
  std::optional<hearth::io::HttpUploadReader> Upload(const HttpRequest&,
                                                     hearth::io::HttpUpload) override {
    return hearth::io::HttpUploadReader{};
  }
  int handled = 0;
};

std::string_view TakeLine(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

// A target, header lines, an empty line, a body.
HttpRequest Read(std::string_view text) {
  HttpRequest request;
  request.method = "POST";
  request.target = TakeLine(text);
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) break;
    const auto colon = line.find(':');
    request.headers.Add(std::string(line.substr(0, colon)),
                        colon == std::string_view::npos ? "" : std::string(line.substr(colon + 1)));
  }
  request.body = text;
  return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const HttpRequest request = Read(text);
  const std::string service = hearth::aws::ServiceOf(request);
  FakeLambda lambda;
  int own = 0;
  hearth::aws::Gateway gateway;
  gateway.Register(lambda);
  gateway.RegisterOwn("/_hearth/", [&own](hearth::aws::Call) { ++own; });
  gateway.Handle(request, {});
  const bool is_own = request.path().starts_with("/_hearth/");
  CHECK(own == (is_own ? 1 : 0));
  CHECK(lambda.handled == (!is_own && service == "lambda" ? 1 : 0));

  // Who reads a body is who would have handled the request with it, but for what a form says.
  FakeStore store;
  gateway.Register(store);
  HttpRequest head = request;
  head.body.clear();
  auto reader = gateway.Upload(head, {});
  gateway.Handle(request, {});
  CHECK(!reader || store.handled == 1);
  if (reader) {
    head.upload = std::move(reader->state);
    gateway.Handle(head, {});
    CHECK(store.handled == 2);
  }

  const hearth::io::HttpResponse error =
      hearth::aws::RestJsonError({400, service, request.target}, "id");
  CHECK(hearth::base::ParseJson(error.body).has_value());

  if (const auto name = hearth::aws::ParseFunctionName(request.target)) {
    CHECK(hearth::aws::IsFunctionName(name->name));
    CHECK(name->qualifier.empty() || hearth::aws::IsQualifier(name->qualifier));
  }
  if (const auto arn = hearth::aws::ParseArn(request.target)) {
    CHECK(arn->ToString() == request.target);
  }
  return 0;
}
