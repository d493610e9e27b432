#include "triggers/s3/xml_input.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "triggers/s3/tags.h"
#include "triggers/s3/xml_writer.h"

namespace hearth::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

template <typename T>
std::string CodeOf(const std::expected<T, ApiError>& read) {
  return read ? "" : read.error().type;
}

std::string Repeated(size_t count, const auto& each) {
  std::string out;
  for (size_t i = 1; i <= count; ++i) out += each(i);
  return out;
}

TEST(S3XmlInput, DeletesNameKeysAndVersions) {
  const auto read = ReadDeleteObjects(
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a&amp;b </Key>"
      "</Object><Object><Key> </Key><VersionId>null</VersionId><ETag>\"e\"</ETag></Object>"
      "<Quiet>true</Quiet></Delete>");
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->quiet);
  ASSERT_EQ(read->objects.size(), 2u);
  EXPECT_EQ(read->objects[0].key, "a&b ");
  EXPECT_EQ(read->objects[0].version_id, "");
  EXPECT_EQ(read->objects[1].key, " ");
  EXPECT_EQ(read->objects[1].version_id, "null");
  EXPECT_EQ(read->objects[1].etag, "e");
}

TEST(S3XmlInput, KeysAreThoseThatClientsEscape) {
  // As @aws-sdk/client-s3 and boto3 write them.
  const auto read = ReadDeleteObjects(
      "<Delete><Object><Key>a&#x0D;&#x0A;&#x85;&#x2028;&lt;</Key></Object>"
      "<Object><Key>a&lt;&amp;&gt;\"'&#xD;&#xA;\t \xc3\xbc</Key></Object>"
      "<Object><Key>&#1;</Key></Object></Delete>");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->objects[0].key, "a\r\n\xc2\x85\xe2\x80\xa8<");
  EXPECT_EQ(read->objects[1].key, "a<&>\"'\r\n\t \xc3\xbc");
  EXPECT_EQ(read->objects[2].key, "\x01");
}

TEST(S3XmlInput, DeletesAreOneToAThousand) {
  const auto many = [](size_t count) {
    return "<Delete>" +
           Repeated(
               count,
               [](size_t i) { return "<Object><Key>" + std::to_string(i) + "</Key></Object>"; }) +
           "</Delete>";
  };
  EXPECT_EQ(ReadDeleteObjects(many(1000))->objects.size(), 1000u);
  EXPECT_FALSE(ReadDeleteObjects(many(1))->quiet);
  EXPECT_EQ(CodeOf(ReadDeleteObjects(many(1001))), "MalformedXML");
  EXPECT_EQ(CodeOf(ReadDeleteObjects(many(0))), "MalformedXML");
  // As large as a thousand keys may be.
  const std::string key = Repeated(1024, [](size_t) { return "&quot;"; });
  EXPECT_EQ(CodeOf(ReadDeleteObjects(
                "<Delete>" +
                Repeated(1000, [&](size_t) { return "<Object><Key>" + key + "</Key></Object>"; }) +
                "</Delete>")),
            "");
  const auto huge = ReadDeleteObjects(std::string(limits::kMaxObjectXml + 1, ' '));
  EXPECT_EQ(CodeOf(huge), "MaxMessageLengthExceeded");
}

TEST(S3XmlInput, WhatIsNotWhatItShouldBeIsMalformed) {
  for (const std::string body :
       {"", "x", "<Delete>", "<Deleted><Object><Key>a</Key></Object></Deleted>",
        "<Delete><Object/></Delete>", "<Delete><Object><VersionId>v</VersionId></Object></Delete>",
        "<Delete><Object><Key>a&#0;b</Key></Object></Delete>",
        "<Delete><Object><Key>a</Key></Object><Quiet>maybe</Quiet></Delete>",
        "<!DOCTYPE d [<!ENTITY e 'x'>]><Delete><Object><Key>&e;</Key></Object></Delete>"}) {
    EXPECT_EQ(CodeOf(ReadDeleteObjects(body)), "MalformedXML") << body;
  }
}

TEST(S3XmlInput, WhatIsNotServedIsRefusedByItsName) {
  const auto read = ReadDeleteObjects(
      "<Delete><Object><Key>a</Key><LastModifiedTime>x</LastModifiedTime></Object></Delete>");
  EXPECT_EQ(CodeOf(read), "NotImplemented");
  EXPECT_THAT(read.error().message, HasSubstr("'LastModifiedTime'"));
  EXPECT_EQ(read.error().status, 501);
  EXPECT_EQ(
      CodeOf(ReadLocation("<CreateBucketConfiguration><Bucket/></CreateBucketConfiguration>")),
      "NotImplemented");
}

TEST(S3XmlInput, PartsAscendAndBringTheirChecksums) {
  const auto part = [](const std::string& number, const std::string& more = "") {
    return "<Part><PartNumber>" + number + "</PartNumber><ETag>\"e\"</ETag>" + more + "</Part>";
  };
  const auto read = [](const std::string& parts) {
    return ReadCompletedParts("<CompleteMultipartUpload>" + parts + "</CompleteMultipartUpload>");
  };
  const auto two = read(part("1",
                             "<ChecksumCRC32>AAAA</ChecksumCRC32>"
                             "<ChecksumSHA256>BBBB</ChecksumSHA256>") +
                        part("10000"));
  ASSERT_TRUE(two);
  ASSERT_EQ(two->size(), 2u);
  EXPECT_EQ((*two)[0].etag, "e");
  EXPECT_THAT((*two)[0].checksums,
              ElementsAre(Pair(ChecksumKind::kCrc32, "AAAA"), Pair(ChecksumKind::kSha256, "BBBB")));
  EXPECT_EQ((*two)[1].number, 10000);
  const std::string most = Repeated(10000, [&](size_t i) {
    return part(std::to_string(i), "<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>");
  });
  EXPECT_EQ(read(most)->size(), 10000u);

  EXPECT_EQ(CodeOf(read(part("2") + part("1"))), "InvalidPartOrder");
  EXPECT_EQ(CodeOf(read(part("2") + part("2"))), "InvalidPartOrder");
  EXPECT_EQ(CodeOf(read("")), "MalformedXML");
  for (const std::string number : {"", "x", "1x", " 1", "1.0"}) {
    EXPECT_EQ(CodeOf(read(part(number))), "MalformedXML") << number;
  }
  for (const std::string number : {"0", "-1", "10001", "99999999999999999999"}) {
    EXPECT_EQ(CodeOf(read(part(number))), "InvalidArgument") << number;
  }
  EXPECT_EQ(CodeOf(read("<Part><PartNumber>1</PartNumber></Part>")), "MalformedXML");
  EXPECT_EQ(CodeOf(read("<Part><ETag>e</ETag></Part>")), "MalformedXML");
  EXPECT_EQ(CodeOf(read(part("1", "<ChecksumMD5>x</ChecksumMD5>"))), "NotImplemented");
}

TEST(S3XmlInput, VersioningIsEnabledOrSuspended) {
  const auto read = [](const std::string& inner) {
    return ReadVersioning("<VersioningConfiguration>" + inner + "</VersioningConfiguration>");
  };
  EXPECT_EQ(*read("<Status>Enabled</Status>"), Versioning::kEnabled);
  EXPECT_EQ(*read("<Status>Suspended</Status><MfaDelete>Disabled</MfaDelete>"),
            Versioning::kSuspended);
  EXPECT_EQ(CodeOf(read("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>")),
            "NotImplemented");
  EXPECT_EQ(CodeOf(read("")), "IllegalVersioningConfigurationException");
  EXPECT_EQ(CodeOf(read("<Status>enabled</Status>")), "MalformedXML");
  EXPECT_EQ(CodeOf(read("<Status>Enabled</Status><MfaDelete>x</MfaDelete>")), "MalformedXML");
}

TEST(S3XmlInput, ALocationMayBeLeftAway) {
  EXPECT_EQ(*ReadLocation(""), "");
  EXPECT_EQ(*ReadLocation("<CreateBucketConfiguration/>"), "");
  EXPECT_EQ(*ReadLocation("<CreateBucketConfiguration><LocationConstraint>eu-west-1"
                          "</LocationConstraint></CreateBucketConfiguration>"),
            "eu-west-1");
  EXPECT_EQ(CodeOf(ReadLocation("<Other/>")), "MalformedXML");
}

std::string TagXml(const std::string& key, const std::string& value) {
  return "<Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag>";
}
std::expected<Tags, ApiError> ReadTags(const std::string& tags, size_t most = 10) {
  return ReadTagging("<Tagging><TagSet>" + tags + "</TagSet></Tagging>", most);
}

TEST(S3Tags, AreReadAndWrittenAlike) {
  const auto tags = ReadTags(TagXml("b", "+-=._:/@ 1") + TagXml("\xc3\xa4", ""));
  ASSERT_TRUE(tags);
  EXPECT_THAT(*tags, ElementsAre(Pair("b", "+-=._:/@ 1"), Pair("\xc3\xa4", "")));
  EXPECT_EQ(*ReadTagging(TaggingXml(*tags), 10), *tags);
  EXPECT_EQ(TaggingXml({{"k", "v"}}),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>k</Key>"
            "<Value>v</Value></Tag></TagSet></Tagging>");
  EXPECT_TRUE(ReadTags("")->empty());
}

TEST(S3Tags, OfTheSystemAreNotAClientsToRemove) {
  const std::string before = TaggingXml({{"a", "1"}, {"aws:x", "<2>"}});
  EXPECT_EQ(TagsOf(before), (Tags{{"a", "1"}, {"aws:x", "<2>"}}));
  EXPECT_EQ(TagsOf(WithSystemTags(TaggingXml({{"b", "3"}}), before)),
            (Tags{{"b", "3"}, {"aws:x", "<2>"}}));
  EXPECT_EQ(TagsOf(WithSystemTags("", before)), (Tags{{"aws:x", "<2>"}}));
  EXPECT_EQ(WithSystemTags("", TaggingXml({{"a", "1"}})), "");
  EXPECT_EQ(TagsOf("no XML"), Tags());
}

TEST(S3Tags, ThatMayNotBeAreRefusedInAwssWords) {
  const auto message = [](const std::expected<Tags, ApiError>& read) {
    return read ? "" : read.error().type + ": " + read.error().message;
  };
  const std::string bad_key = "InvalidTag: The TagKey you have provided is invalid";
  const std::string bad_value = "InvalidTag: The TagValue you have provided is invalid";
  EXPECT_EQ(message(ReadTags(TagXml("", "v"))), bad_key);
  EXPECT_EQ(message(ReadTags(TagXml(std::string(129, 'k'), "v"))), bad_key);
  EXPECT_EQ(message(ReadTags(TagXml("a!", "v"))), bad_key);
  EXPECT_EQ(message(ReadTags(TagXml("k", std::string(257, 'v')))), bad_value);
  EXPECT_EQ(message(ReadTags(TagXml("k", "a\tb"))), bad_value);
  EXPECT_EQ(message(ReadTags(TagXml("aws:x", "v"))),
            "InvalidTag: System tags cannot be added/updated by requester");
  EXPECT_EQ(message(ReadTags(TagXml("k", "1") + TagXml("k", "2"))),
            "InvalidTag: Cannot provide multiple Tags with the same key");
  const auto many = [](size_t count) {
    return Repeated(count, [](size_t i) { return TagXml(std::to_string(i), "v"); });
  };
  EXPECT_EQ(message(ReadTags(many(10))), "");
  EXPECT_EQ(message(ReadTags(many(11))), "BadRequest: Object tags cannot be greater than 10");
  EXPECT_EQ(message(ReadTags(many(51), 50)),
            "BadRequest: Bucket tag count cannot be greater than 50");
  EXPECT_EQ(message(ReadTags(TagXml(std::string(128, 'k'), std::string(256, 'v')))), "");
  // Characters count, not bytes.
  EXPECT_EQ(message(ReadTags(TagXml(Repeated(128, [](size_t) { return "\xc3\xa4"; }), ""))), "");
  EXPECT_EQ(CodeOf(ReadTagging("<Tagging/>", 10)), "MalformedXML");
  EXPECT_EQ(CodeOf(ReadTags("<Tag><Key>k</Key></Tag>")), "MalformedXML");
}

TEST(S3Tags, ComeAsAHeaderToo) {
  EXPECT_THAT(ReadTagHeader("a=b%2F&c+d=e=f&g&&", 10).value(),
              ElementsAre(Pair("a", "b/"), Pair("c d", "e=f"), Pair("g", "")));
  EXPECT_TRUE(ReadTagHeader("", 10)->empty());
  EXPECT_EQ(CodeOf(ReadTagHeader("a=1&a=2", 10)), "InvalidArgument");
  EXPECT_EQ(CodeOf(ReadTagHeader("=1", 10)), "InvalidTag");
  EXPECT_EQ(CodeOf(ReadTagHeader("a=%00", 10)), "InvalidTag");
  EXPECT_EQ(CodeOf(ReadTagHeader("a=%ff", 10)), "InvalidTag");
  EXPECT_EQ(CodeOf(ReadTagHeader("a=%EF%BF%BF", 10)), "InvalidTag") << "what XML cannot hold";
  EXPECT_EQ(CodeOf(ReadTagHeader("a&b&c", 2)), "BadRequest");
}

TEST(S3XmlWriter, WritesWhatAReaderReads) {
  XmlWriter xml;
  xml.Open("Root");
  xml.Element("Text", "a<b>\r");
  xml.Element("Number", uint64_t{5} << 40);
  xml.Element("Flag", true);
  xml.Open("Grantee", "xsi:type=\"CanonicalUser\"");
  EXPECT_EQ(xml.Take(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<Root xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Text>a&lt;b&gt;&#xD;</Text>"
            "<Number>5497558138880</Number><Flag>true</Flag>"
            "<Grantee xsi:type=\"CanonicalUser\"></Grantee></Root>");
}

}  // namespace
}  // namespace hearth::s3
