#include "runtime/api_answer.h"

#include "base/json.h"

namespace hearth::runtime {

io::HttpResponse JsonAnswer(int status, std::string body) {
  io::HttpResponse response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

io::HttpResponse Accepted() { return JsonAnswer(202, "{\"status\":\"OK\"}\n"); }

io::HttpResponse ApiError(int status, std::string_view type, std::string_view message) {
  return JsonAnswer(status, "{\"errorMessage\":" + base::JsonQuote(message) +
                                ",\"errorType\":" + base::JsonQuote(type) + "}\n");
}

}  // namespace hearth::runtime
