add_library(hearth_invoker_control STATIC
  async_queue.cc code_download.cc control_plane.cc function.cc function_json.cc function_name.cc
  function_settings.cc invoke_api.cc lambda_api.cc registry.cc settings_members.cc)
target_link_libraries(hearth_invoker_control
  PUBLIC hearth_base hearth_io hearth_store hearth_layers hearth_aws hearth_runtime hearth_sandbox
  PRIVATE simdjson::simdjson)
