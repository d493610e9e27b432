#include "triggers/s3/post_form.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace hearth::s3 {
namespace {

using testing::ElementsAre;
using testing::Pair;

const std::string kBoundary = "----WebKitFormBoundaryx";

std::string Part(const std::string& disposition, const std::string& value,
                 const std::string& more = "") {
  return "--" + kBoundary + "\r\nContent-Disposition: form-data; " + disposition + "\r\n" + more +
         "\r\n" + value + "\r\n";
}
std::string Field(const std::string& name, const std::string& value) {
  return Part("name=\"" + name + "\"", value);
}
std::string File(const std::string& data) {
  return Part("name=\"file\"; filename=\"C:\\pictures\\a.png\"", data,
              "Content-Type: image/png\r\n");
}
const std::string kEnd = "--" + kBoundary + "--\r\n";

struct Seen {
  std::string code;
  std::string file;
  PostFields fields;
  std::string file_name;
  std::string file_type;
};

Seen Read(const std::string& bytes, size_t step) {
  PostForm form(kBoundary);
  Seen seen;
  for (size_t at = 0; at < bytes.size() && seen.code.empty(); at += step) {
    const auto error =
        form.Feed(std::string_view(bytes).substr(at, step), [&](std::string_view piece) {
          EXPECT_TRUE(form.in_file());
          seen.file += piece;
        });
    if (error) seen.code = error->type;
  }
  if (seen.code.empty()) {
    if (const auto error = form.Finish()) seen.code = error->type;
  }
  seen.fields = form.fields();
  seen.file_name = form.file_name();
  seen.file_type = form.file_type();
  return seen;
}

constexpr size_t kSteps[] = {1, 2, 3, 7, 26, 27, 28, 100, 1 << 20};

TEST(S3PostForm, IsTheSameHoweverItIsCut) {
  // What looks like a boundary's beginning, and is none.
  const std::string file = "\r\n--\r\n--" + kBoundary.substr(0, 20) + "\r\n\r\r\n-" + kBoundary +
                           std::string("\0\xff", 2) + "\r\n--" + kBoundary.substr(1) + "\r";
  const std::string bytes = Field("Key", "a/${filename}") + Field("x-amz-meta-Empty", "") +
                            Field("Content-Type", "image/png\r\nand more") + File(file) +
                            Field("submit", "passed over") + kEnd + "epilogue";
  for (const size_t step : kSteps) {
    const Seen seen = Read(bytes, step);
    EXPECT_EQ(seen.code, "") << step;
    EXPECT_EQ(seen.file, file) << step;
    EXPECT_THAT(seen.fields,
                ElementsAre(Pair("content-type", "image/png\r\nand more"),
                            Pair("key", "a/${filename}"), Pair("x-amz-meta-empty", "")));
    EXPECT_EQ(seen.file_name, "a.png");
    EXPECT_EQ(seen.file_type, "image/png");
  }
}

TEST(S3PostForm, MayHaveAPreambleAPaddingAndAnEmptyFile) {
  const std::string bytes = "preamble\r\n--" + kBoundary + " \t\r\ncontent-disposition:form-data;" +
                            "name=key\r\n\r\nk\r\n" + File("") + kEnd;
  for (const size_t step : kSteps) {
    const Seen seen = Read(bytes, step);
    EXPECT_EQ(seen.code, "") << step;
    EXPECT_EQ(seen.fields.at("key"), "k");
    EXPECT_EQ(seen.file, "");
  }
}

TEST(S3PostForm, ALargeFileGoesOnAsItComes) {
  PostForm form(kBoundary);
  size_t size = 0;
  const auto count = [&](std::string_view piece) { size += piece.size(); };
  EXPECT_FALSE(form.Feed(File("").substr(0, File("").size() - 2), count));
  const std::string piece(65536, '\r');
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(form.Feed(piece, count));
    EXPECT_GE(size + kBoundary.size() + 4, (i + 1) * piece.size());
  }
  EXPECT_FALSE(form.Feed("\r\n" + kEnd, count));
  EXPECT_FALSE(form.Finish());
  EXPECT_EQ(size, 100 * piece.size());
}

TEST(S3PostForm, WhatIsNoFormIsRefused) {
  struct Case {
    std::string bytes;
    std::string code;
  };
  for (const Case& each : {
           Case{"", "MalformedPOSTRequest"},
           Case{"key=a&file=b", "MalformedPOSTRequest"},
           Case{kEnd, "InvalidArgument"},
           Case{Field("key", "k") + kEnd, "InvalidArgument"},
           Case{Field("key", "k"), "MalformedPOSTRequest"},
           Case{File("data"), "MalformedPOSTRequest"},
           Case{File("data") + "--" + kBoundary, "MalformedPOSTRequest"},
           Case{File("data") + "--" + kBoundary + "-", "MalformedPOSTRequest"},
           Case{"--" + kBoundary + "x\r\n", "MalformedPOSTRequest"},
           Case{"--" + kBoundary + std::string(100, ' ') + "\r\n", "MalformedPOSTRequest"},
           Case{"--" + kBoundary + "\r\n\r\nno headers\r\n" + kEnd, "MalformedPOSTRequest"},
           Case{"--" + kBoundary + "\r\nno colon\r\n\r\n" + kEnd, "MalformedPOSTRequest"},
           Case{Part("filename=\"x\"", "v") + kEnd, "MalformedPOSTRequest"},
           Case{Part("name=\"x", "v") + kEnd, "MalformedPOSTRequest"},
           Case{"--" + kBoundary +
                    "\r\nContent-Disposition: attachment; name=\"key\"\r\n\r\nk\r\n" + kEnd,
                "MalformedPOSTRequest"},
           Case{Field("key", "k") + Field("KEY", "k") + kEnd, "InvalidArgument"},
           Case{Part("name=\"key\"", "a2V5", "Content-Transfer-Encoding: base64\r\n") + kEnd,
                "NotImplemented"},
       }) {
    for (const size_t step : kSteps) {
      EXPECT_EQ(Read(each.bytes, step).code, each.code) << each.bytes << step;
    }
  }
}

TEST(S3PostForm, WhatComesBeforeTheFileIsBounded) {
  const size_t most = limits::kMaxPostFields;
  for (const size_t step : kSteps) {
    EXPECT_EQ(Read(Field("key", std::string(most - 200, 'k')) + File("d") + kEnd, step).code, "");
    for (const std::string& bytes :
         {Field("key", std::string(most, 'k')) + File("d") + kEnd, std::string(most + 1000, 'p'),
          Part("name=\"key\"", "k", "X: " + std::string(most, 'h') + "\r\n") + File("d") + kEnd}) {
      EXPECT_EQ(Read(bytes, step).code, "MaxPostPreDataLengthExceededError") << step;
    }
    std::string many;
    for (int i = 0; i < 1000; ++i) many += Field(std::to_string(i), "");
    EXPECT_EQ(Read(many + File("d") + kEnd, step).code, "MaxPostPreDataLengthExceededError");
  }
  // What comes behind it is not held, whatever it is.
  EXPECT_EQ(Read(File("d") + Field("key", std::string(most * 10, 'k')) + kEnd, 1000).code, "");
}

TEST(S3PostForm, ABoundaryIsThatOfItsContentType) {
  struct Case {
    std::string type;
    std::string boundary;  // Empty: none.
  };
  for (const Case& each : {
           Case{"multipart/form-data; boundary=abc", "abc"},
           Case{"Multipart/Form-Data;charset=utf-8; Boundary=\"a b;c\"", "a b;c"},
           Case{"multipart/form-data; x; boundary=abc ; y=z", "abc"},
           Case{"multipart/form-data; other=\"boundary=no\"; boundary=yes", "yes"},
           Case{"multipart/form-data; boundary=" + std::string(70, 'b'), std::string(70, 'b')},
           Case{"multipart/form-data; boundary=" + std::string(71, 'b'), ""},
           Case{"multipart/form-data; boundary=", ""},
           Case{"multipart/form-data; boundary=\"\"", ""},
           Case{"multipart/form-data; boundary=\"abc", ""},
           Case{"multipart/form-data; boundary=\"abc \"", ""},
           Case{"multipart/form-data; boundary=a\tb", ""},
           Case{"multipart/form-data", ""},
           Case{"multipart/form-data; boundary", ""},
           Case{"multipart/mixed; boundary=abc", ""},
           Case{"", ""},
       }) {
    EXPECT_EQ(BoundaryOf(each.type).value_or(""), each.boundary) << each.type;
  }
}

}  // namespace
}  // namespace hearth::s3
