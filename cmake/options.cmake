# Compiler options shared by every target, as one interface library.
option(HEARTH_WERROR "Treat warnings as errors" OFF)
option(HEARTH_FUZZ "Build the fuzz targets with libFuzzer (clang 19)" OFF)
set(HEARTH_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them: address,undefined")

find_program(CCACHE ccache)
if(CCACHE)
  # Paths relative to the checkout, so that a fresh clone elsewhere finds what an earlier one made.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

add_library(hearth_options INTERFACE)
target_include_directories(hearth_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(hearth_options INTERFACE -Wall -Wextra -Wno-missing-field-initializers
  -fno-omit-frame-pointer)
target_compile_definitions(hearth_options INTERFACE _GNU_SOURCE)
if(HEARTH_WERROR)
  target_compile_options(hearth_options INTERFACE -Werror)
endif()
# TRY is a statement expression, which -Wpedantic would name at every use.
if(HEARTH_SANITIZE)
  target_compile_options(hearth_options INTERFACE -fsanitize=${HEARTH_SANITIZE}
    -fno-sanitize-recover=all)
  target_link_options(hearth_options INTERFACE -fsanitize=${HEARTH_SANITIZE})
endif()
add_link_options(-Wl,--as-needed)
if(HEARTH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
