// A browser's upload says the same however it is cut; its fields are bounded, and a policy among
// them is obeyed or refused. The first byte: the cut; the first line: the content type.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/digest.h"
#include "base/limits.h"
#include "triggers/s3/post_form.h"
#include "triggers/s3/post_policy.h"

using namespace hearth;

namespace {

struct Seen {
  std::string code;
  std::string file;
  s3::PostFields fields;
  std::string file_name;
  bool operator==(const Seen&) const = default;
};

Seen Read(const std::string& boundary, std::string_view bytes, size_t step) {
  s3::PostForm form(boundary);
  Seen seen;
  while (!bytes.empty() && seen.code.empty()) {
    const std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    const auto error = form.Feed(piece, [&](std::string_view data) {
      CHECK(form.in_file() && !data.empty());
      seen.file += data;
    });
    if (error) seen.code = error->type;
  }
  if (seen.code.empty()) {
    if (const auto error = form.Finish()) seen.code = error->type;
  }
  size_t held = 0;
  for (const auto& [name, value] : form.fields()) held += name.size() + value.size();
  CHECK(held <= limits::kMaxPostFields);
  if (!seen.code.empty()) return seen;  // How far it came before may differ.
  seen.fields = form.fields();
  seen.file_name = form.file_name();
  CHECK(seen.file_name.find('/') == std::string::npos);
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t line = bytes.find('\n');
  if (line == std::string_view::npos) {
    const auto sizes =
        s3::ReadPostPolicy({{"policy", base::Base64Encode(bytes)}, {"key", "k"}}, "bucket", 0);
    if (sizes) (void)s3::CheckPostSize(*sizes, 5);
    return 0;
  }
  const auto boundary = s3::BoundaryOf(bytes.substr(0, line));
  if (!boundary) return 0;
  CHECK(!boundary->empty() && boundary->size() <= 70);
  const std::string_view body = bytes.substr(line + 1);
  const Seen whole = Read(*boundary, body, body.size() + 1);
  Seen cut = Read(*boundary, body, 1 + data[0] % 100);
  if (!whole.code.empty()) cut.file = whole.file;
  CHECK(whole == cut);
  (void)s3::CheckPostPolicy(whole.fields, "bucket", whole.file.size(), 0);
  return 0;
}
