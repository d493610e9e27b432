#include "aws/xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::aws {
namespace {

using testing::HasSubstr;

std::string TextOf(const std::string& text) {
  const auto document = XmlDocument::Parse(text);
  return document ? document->root().text() : "refused: " + document.error().text;
}

TEST(Xml, ElementsAreReadByTheirNamesWithoutPrefixes) {
  const auto document = XmlDocument::Parse(
      "\xef\xbb\xbf<?xml version=\"1.0\"?><!-- a > b <c> -->\n"
      "<s3:Delete xmlns:s3=\"u\"><Object id='7>8'><Key>a</Key></Object><Quiet/></s3:Delete>\n");
  ASSERT_TRUE(document);
  const XmlElement root = document->root();
  EXPECT_EQ(root.name(), "Delete");
  EXPECT_EQ(root.children().size(), 2u);
  EXPECT_EQ(root.Child("Object").Child("Key").text(), "a");
  EXPECT_EQ(root.Child("Object").Attribute("id"), "7>8");
  EXPECT_EQ(root.Child("Object").Attribute("none"), "");
  EXPECT_TRUE(root.Child("Quiet"));
  EXPECT_FALSE(root.Child("Nothing"));
  EXPECT_EQ(root.Child("Nothing").text(), "");
  EXPECT_TRUE(root.Child("Nothing").children().empty());
}

TEST(Xml, TextIsKeptAsItIsMeant) {
  EXPECT_EQ(TextOf("<a> </a>"), " ");
  EXPECT_EQ(TextOf("<a>\n x\t</a>"), "\n x\t");
  EXPECT_EQ(TextOf("<a>&lt;&amp;&quot;&apos;&gt;</a>"), "<&\"'>");
  EXPECT_EQ(TextOf("<a>&#13;&#x1F600;&#65;</a>"),
            "\r\xf0\x9f\x98\x80"
            "A");
  EXPECT_EQ(TextOf("<a>b\r\nc</a>"), "b\nc");
  EXPECT_EQ(TextOf("<a>b<![CDATA[<x>&amp;]]>c</a>"), "b<x>&amp;c");
  EXPECT_EQ(TextOf("<a>b<!-- no -->c</a>"), "bc");
}

TEST(Xml, WhatIsNotWellFormedIsRefused) {
  for (const std::string text : {"",
                                 " ",
                                 "text",
                                 "<a>",
                                 "</a>",
                                 "<a></b>",
                                 "<a/><b/>",
                                 "<a/>x",
                                 "x<a/>",
                                 "<a",
                                 "<a b=c/>",
                                 "<a b='",
                                 "<a><b></a></b>",
                                 "<a>&bomb;</a>",
                                 "<a>&#0;</a>",
                                 "<a>&#x0;</a>",
                                 "<a>&#xd800;</a>",
                                 "<a>&#1114112;</a>",
                                 "<a>&</a>",
                                 "<a>&amp</a>",
                                 "<a>&#;</a>",
                                 "<a>&#x;</a>",
                                 "<a>&#-1;</a>",
                                 "<a>\xff</a>",
                                 "<a>\x01</a>",
                                 "<!-- ",
                                 "<a><![CDATA[</a>",
                                 "<![CDATA[x]]><a/>",
                                 "<?xml"}) {
    EXPECT_FALSE(XmlDocument::Parse(text)) << text;
  }
  EXPECT_FALSE(XmlDocument::Parse(std::string("<a>\0</a>", 8)));
}

TEST(Xml, ADocumentTypeIsRefused) {
  const auto bomb =
      XmlDocument::Parse("<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>");
  ASSERT_FALSE(bomb);
  EXPECT_THAT(bomb.error().text, HasSubstr("document type"));
  EXPECT_FALSE(XmlDocument::Parse("<a><!DOCTYPE b></a>"));
}

TEST(Xml, DepthIsBounded) {
  const auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "<a>";
    for (size_t i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  EXPECT_TRUE(XmlDocument::Parse(nested(kMaxXmlDepth)));
  EXPECT_THAT(XmlDocument::Parse(nested(kMaxXmlDepth + 1)).error().text, HasSubstr("deep"));
  EXPECT_FALSE(XmlDocument::Parse(nested(1000000)));
}

TEST(Xml, ElementsAndAttributesAreBoundedTogether) {
  const auto many = [](size_t count, std::string_view each, std::string_view before,
                       std::string_view behind) {
    std::string text(before);
    for (size_t i = 0; i < count; ++i) text += each;
    return text += behind;
  };
  EXPECT_TRUE(XmlDocument::Parse(many(kMaxXmlMarks - 1, "<b/>", "<a>", "</a>")));
  EXPECT_FALSE(XmlDocument::Parse(many(kMaxXmlMarks, "<b/>", "<a>", "</a>")));
  EXPECT_FALSE(XmlDocument::Parse(many(kMaxXmlMarks, " b=''", "<a", "/>")));
  // What a comment or a text holds is neither.
  EXPECT_FALSE(XmlDocument::Parse(many(kMaxXmlMarks, " b=''", "<!-- ' --><a c='>'", "/>")));
  EXPECT_TRUE(XmlDocument::Parse(many(kMaxXmlMarks, "\"'", "<a><!-- ' ", "--></a>")));
  EXPECT_TRUE(XmlDocument::Parse(many(kMaxXmlMarks, "=\"'", "<a>", "</a>")));
}

}  // namespace
}  // namespace hearth::aws
