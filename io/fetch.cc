#include <curl/curl.h>

#include <memory>

#include "io/http_client.h"

namespace hearth::io {
namespace {

struct Transfer {
  const FetchRequest* request = nullptr;
  HttpResponse response;
  bool stopped = false;
};

size_t OnBody(char* data, size_t, size_t size, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.request->sink) {
    transfer.response.body.append(data, size);
    return size;
  }
  if (transfer.request->sink({data, size})) return size;
  transfer.stopped = true;
  return 0;
}

size_t OnHeader(char* data, size_t, size_t size, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    transfer.response.headers = {};  // Of an interim answer.
    return size;
  }
  const auto colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    transfer.response.headers.Add(std::string(line.substr(0, colon)), std::string(value));
  }
  return size;
}

}  // namespace

base::Result<HttpResponse> Fetch(const FetchRequest& request) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  if (!curl) return base::MakeError(base::ErrorKind::kSystem, "fetch", "libcurl cannot start");
  Transfer transfer{.request = &request};
  struct curl_slist* list = nullptr;
  for (size_t i = 0; i < request.headers.size(); ++i) {
    const auto [name, value] = request.headers[i];
    list = curl_slist_append(list, (std::string(name) + ": " + std::string(value)).c_str());
  }
  // curl would wait a second for a 100 Continue that our own server always gives.
  list = curl_slist_append(list, "Expect:");
  const std::unique_ptr<struct curl_slist, decltype(&curl_slist_free_all)> headers(
      list, curl_slist_free_all);
  CURL* handle = curl.get();
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  if (request.method == "HEAD") curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  }
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(request.timeout).count();
  if (timeout > 0) curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
  const CURLcode code = curl_easy_perform(handle);
  if (code != CURLE_OK && !transfer.stopped) {
    const auto kind = code == CURLE_OPERATION_TIMEDOUT ? base::ErrorKind::kTimeout
                      : code == CURLE_COULDNT_CONNECT  ? base::ErrorKind::kClosed
                                                       : base::ErrorKind::kSystem;
    return base::MakeError(kind, "fetch " + request.url, curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  return std::move(transfer.response);
}

}  // namespace hearth::io
