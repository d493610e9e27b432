// Lists: objects, their versions, uploads and their parts, a page at a time.
#include <charconv>
#include <climits>

#include "base/digest.h"
#include "base/limits.h"
#include "triggers/s3/addressing.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/owner.h"
#include "triggers/s3/s3_api.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

struct Page {
  ListRequest request;
  bool is_encoded = false;
  std::string Text(const std::string& text) const {
    return is_encoded ? UrlEncoded(text, "*/") : text;
  }
};

Answer<int> ReadMost(const Address& address, std::string_view name) {
  const std::string* const text = address.Find(name);
  constexpr int kMost = limits::kMaxObjectsAPage;
  if (text == nullptr || text->empty()) return kMost;
  int out = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (error != std::errc() || end != text->data() + text->size() || out < 0) {
    return std::unexpected(RefusalBecause(
        "InvalidArgument",
        error == std::errc() && out < 0
            ? "Argument " + std::string(name) + " must be an integer between 0 and 2147483647"
            : "Provided " + std::string(name) + " not an integer or within integer range",
        {{"ArgumentName", std::string(name)}, {"ArgumentValue", *text}}));
  }
  return std::min(out, kMost);
}

Answer<Page> ReadPage(const Address& address, std::string_view most_name) {
  Page out;
  const auto text = [&address](std::string_view name) {
    const std::string* const value = address.Find(name);
    return value == nullptr ? std::string() : *value;
  };
  out.request = {.bucket = address.bucket,
                 .prefix = text("prefix"),
                 .delimiter = text("delimiter"),
                 .after = "",
                 .after_version = "",
                 .most = TRY(ReadMost(address, most_name))};
  const std::string encoding = text("encoding-type");
  if (!encoding.empty() && encoding != "url") {
    return std::unexpected(
        RefusalBecause("InvalidArgument", "Invalid Encoding Method specified in Request",
                       {{"ArgumentName", "encoding-type"}, {"ArgumentValue", encoding}}));
  }
  out.is_encoded = !encoding.empty();
  return out;
}

void WriteObject(XmlWriter& xml, const Page& page, const ObjectRecord& object, bool with_owner) {
  xml.Element("Key", page.Text(object.key));
  xml.Element("LastModified", IsoTime(object.modified_ms));
  if (!object.is_delete_marker) {
    xml.Element("ETag", Quoted(object.etag));
    if (!object.checksum.algorithm.empty()) {
      xml.Element("ChecksumAlgorithm", object.checksum.algorithm);
      xml.Element("ChecksumType", ChecksumType(object.checksum));
    }
    xml.Element("Size", object.size);
    xml.Element("StorageClass", StorageClassOf(object.headers));
  }
  if (with_owner) WriteOwner(xml, "Owner");
}

void WritePrefixes(XmlWriter& xml, const Page& page, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes) {
    xml.Open("CommonPrefixes");
    xml.Element("Prefix", page.Text(prefix));
    xml.Close();
  }
}

void WriteHead(XmlWriter& xml, const Page& page, bool is_truncated) {
  const ListRequest& request = page.request;
  xml.Element("Prefix", page.Text(request.prefix));
  if (!request.delimiter.empty()) xml.Element("Delimiter", page.Text(request.delimiter));
  if (page.is_encoded) xml.Element("EncodingType", "url");
  xml.Element("IsTruncated", is_truncated);
}

}  // namespace

void S3Api::ListObjects(const RequestPtr& request) {
  auto page = ReadPage(request->address, "max-keys");
  if (!page) return Fail(request, page.error());
  const bool is_v2 = request->Query("list-type") == "2";
  const std::string token = request->Query("continuation-token");
  if (is_v2 && request->address.Has("continuation-token")) {
    const auto key = base::Base64Decode(token);
    if (!key || key->empty()) {
      return Fail(request,
                  RefusalBecause("InvalidArgument", "The continuation token provided is incorrect",
                                 {{"ArgumentName", "continuation-token"}}));
    }
    page->request.after = *key;
  } else {
    page->request.after = request->Query(is_v2 ? "start-after" : "marker");
  }
  const bool with_owner = !is_v2 || request->Query("fetch-owner") == "true";
  ListRequest list = page->request;
  store_.List(std::move(list), OrFail<ListPage>(request, [this, request, page = *page, is_v2, token,
                                                          with_owner](ListPage found) {
                XmlWriter xml;
                xml.Open("ListBucketResult");
                xml.Element("Name", request->bucket());
                WriteHead(xml, page, found.is_truncated);
                xml.Element("MaxKeys", page.request.most);
                if (is_v2) {
                  xml.Element("KeyCount", found.objects.size() + found.common_prefixes.size());
                  if (!token.empty()) xml.Element("ContinuationToken", token);
                  if (const auto start = request->Query("start-after"); !start.empty()) {
                    xml.Element("StartAfter", page.Text(start));
                  }
                  if (found.is_truncated) {
                    xml.Element("NextContinuationToken", base::Base64Encode(found.next));
                  }
                } else {
                  xml.Element("Marker", page.Text(page.request.after));
                  if (found.is_truncated && !page.request.delimiter.empty()) {
                    xml.Element("NextMarker", page.Text(found.next));
                  }
                }
                for (const ObjectRecord& object : found.objects) {
                  xml.Open("Contents");
                  WriteObject(xml, page, object, with_owner);
                  xml.Close();
                }
                WritePrefixes(xml, page, found.common_prefixes);
                Answer200(request, xml);
              }));
}

void S3Api::ListObjectVersions(const RequestPtr& request) {
  auto page = ReadPage(request->address, "max-keys");
  if (!page) return Fail(request, page.error());
  page->request.after = request->Query("key-marker");
  page->request.after_version = request->Query("version-id-marker");
  if (page->request.after.empty() && !page->request.after_version.empty()) {
    return Fail(request,
                RefusalBecause("InvalidArgument",
                               "A version-id marker cannot be specified without a key marker."));
  }
  ListRequest list = page->request;
  store_.ListVersions(std::move(list),
                      OrFail<ListPage>(request, [this, request, page = *page](ListPage found) {
                        XmlWriter xml;
                        xml.Open("ListVersionsResult");
                        xml.Element("Name", request->bucket());
                        WriteHead(xml, page, found.is_truncated);
                        xml.Element("KeyMarker", page.Text(page.request.after));
                        xml.Element("VersionIdMarker", page.request.after_version);
                        xml.Element("MaxKeys", page.request.most);
                        if (found.is_truncated) {
                          xml.Element("NextKeyMarker", page.Text(found.next));
                          if (!found.next_version.empty())
                            xml.Element("NextVersionIdMarker", found.next_version);
                        }
                        for (const ObjectRecord& object : found.objects) {
                          xml.Open(object.is_delete_marker ? "DeleteMarker" : "Version");
                          xml.Element("VersionId", object.version_id);
                          xml.Element("IsLatest", object.is_latest);
                          WriteObject(xml, page, object, true);
                          xml.Close();
                        }
                        WritePrefixes(xml, page, found.common_prefixes);
                        Answer200(request, xml);
                      }));
}

void S3Api::ListMultipartUploads(const RequestPtr& request) {
  auto page = ReadPage(request->address, "max-uploads");
  if (!page) return Fail(request, page.error());
  page->request.after = request->Query("key-marker");
  page->request.after_version = request->Query("upload-id-marker");
  store_.ListUploads(page->request,
                     OrFail<UploadsPage>(request, [this, request, page = *page](UploadsPage found) {
                       XmlWriter xml;
                       xml.Open("ListMultipartUploadsResult");
                       xml.Element("Bucket", request->bucket());
                       xml.Element("KeyMarker", page.Text(page.request.after));
                       xml.Element("UploadIdMarker", page.request.after_version);
                       if (found.is_truncated) {
                         xml.Element("NextKeyMarker", page.Text(found.next_key));
                         xml.Element("NextUploadIdMarker", found.next_id);
                       }
                       WriteHead(xml, page, found.is_truncated);
                       xml.Element("MaxUploads", page.request.most);
                       for (const UploadRecord& upload : found.uploads) {
                         xml.Open("Upload");
                         xml.Element("Key", page.Text(upload.key));
                         xml.Element("UploadId", upload.id);
                         WriteOwner(xml, "Initiator");
                         WriteOwner(xml, "Owner");
                         xml.Element("StorageClass", StorageClassOf(upload.headers));
                         xml.Element("Initiated", IsoTime(upload.started_ms));
                         xml.Close();
                       }
                       WritePrefixes(xml, page, found.common_prefixes);
                       Answer200(request, xml);
                     }));
}

void S3Api::ListParts(const RequestPtr& request) {
  const auto most = ReadMost(request->address, "max-parts");
  if (!most) return Fail(request, most.error());
  int after = 0;
  if (const std::string marker = request->Query("part-number-marker"); !marker.empty()) {
    const auto number = ReadNumber(marker);
    if (!number || *number > INT_MAX) {
      return Fail(
          request,
          RefusalBecause("InvalidArgument", "part-number-marker is no part's number",
                         {{"ArgumentName", "part-number-marker"}, {"ArgumentValue", marker}}));
    }
    after = static_cast<int>(*number);
  }
  store_.ListParts(
      request->bucket(), request->key(), request->Query("uploadId"), after, *most,
      OrFail<PartsPage>(request, [this, request, most = *most, after](PartsPage found) {
        XmlWriter xml;
        xml.Open("ListPartsResult");
        xml.Element("Bucket", request->bucket());
        xml.Element("Key", request->key());
        xml.Element("UploadId", found.upload.id);
        WriteOwner(xml, "Initiator");
        WriteOwner(xml, "Owner");
        xml.Element("StorageClass", StorageClassOf(found.upload.headers));
        xml.Element("PartNumberMarker", after);
        xml.Element("NextPartNumberMarker", found.parts.empty() ? 0 : found.parts.back().number);
        xml.Element("MaxParts", most);
        xml.Element("IsTruncated", found.is_truncated);
        for (const PartRecord& part : found.parts) {
          xml.Open("Part");
          xml.Element("PartNumber", part.number);
          xml.Element("LastModified", IsoTime(part.modified_ms));
          xml.Element("ETag", Quoted(part.etag));
          xml.Element("Size", part.size);
          if (const auto kind = ParseChecksumKind(part.checksum.algorithm)) {
            xml.Element(ChecksumElement(*kind), part.checksum.value);
          }
          xml.Close();
        }
        Answer200(request, xml);
      }));
}

}  // namespace hearth::s3
