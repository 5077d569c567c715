# Flags for every target of the project.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(weir_flags INTERFACE)
target_compile_options(weir_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers -fno-omit-frame-pointer)
target_compile_definitions(weir_flags INTERFACE WEIR_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(weir_flags INTERFACE -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Needed for ccache together with precompiled headers.
  target_compile_options(weir_flags INTERFACE -fpch-preprocess)
endif()

if(WEIR_SANITIZE)
  target_compile_definitions(weir_flags INTERFACE WEIR_SANITIZED)
  target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -g1)
  target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
  if(WEIR_SANITIZE MATCHES "undefined")
    target_compile_options(weir_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
  if(WEIR_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(weir_flags INTERFACE -Wno-tsan)  # fences inside Boost.Asio
  endif()
endif()

if(WEIR_FUZZ)
  # Coverage of the code under test too. RapidJSON adds offsets to the null pointer of an empty stack.
  target_compile_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize=pointer-overflow)
endif()

find_program(WEIR_CCACHE ccache)
if(WEIR_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness that ccache's manual asks for with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${WEIR_CCACHE})
endif()

find_program(WEIR_MOLD mold)
find_program(WEIR_LLD NAMES ld.lld ld.lld-19)
if(WEIR_MOLD)
  add_link_options(-fuse-ld=mold)
elseif(WEIR_LLD)
  add_link_options(-fuse-ld=lld)
endif()
