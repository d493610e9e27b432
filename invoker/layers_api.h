// LayersApi: the part of Lambda's wire API below /2018-10-31/layers: layer versions and who may use
// them.
//
// Source: Lambda API 2018-10-31; error texts as recorded on AWS. Owner: LambdaApi.
#pragma once

#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/clock.h"
#include "base/json.h"
#include "invoker/code_download.h"
#include "invoker/layer_registry.h"
#include "invoker/uploaded_code.h"
#include "io/offload.h"
#include "layers/code_store.h"

namespace hearth::invoker {

class LayersApi {
 public:
  static constexpr std::string_view kPath = "/2018-10-31/layers";

  struct Parts {
    LayerRegistry& layers;
    layers::CodeStore& code;
    io::Offload& disk;  // The one from which `code` is used everywhere.
    const base::Clock& clock;
    Account account;
    CodeDownload* downloads;  // nullptr: answers have no Location.
    FetchCode fetch_code;     // Empty: no code comes from the object store.
  };
  explicit LayersApi(Parts parts) : parts_(std::move(parts)) {}

  // A path that begins with kPath. False: it is none of these operations, and the call is
  // untouched.
  bool Handle(aws::Call& call);

 private:
  bool HandleVersion(aws::Call& call, const LayerName& name, std::string_view part);

  void Publish(aws::Call call, const LayerName& name);
  void Store(const std::shared_ptr<aws::Call>& call, LayerVersion layer, std::string zip);
  void Get(aws::Call call, const LayerName& name);
  void GetByArn(aws::Call call);
  void List(aws::Call call);
  void ListVersions(aws::Call call, const LayerName& name);
  void Delete(aws::Call call, const LayerName& name);

  void GetPolicy(aws::Call call, const LayerName& name);
  void AddPermission(aws::Call call, const LayerName& name);
  void RemovePermission(aws::Call call, const LayerName& name, const std::string& id);

  base::Json Shown(const aws::Call& call, const LayerVersion& layer) const;
  base::Json Listed(const LayerVersion& layer) const;
  // nullptr where this account has none such.
  LayerRef Find(const LayerName& name) const;
  // 404, or 403 for another account's.
  aws::ApiError NotFound(const LayerName& name, std::string message) const;

  Parts parts_;
};

}  // namespace hearth::invoker
