# Libraries, each as one target weir_dep_NAME. Where they come from: docs/dependencies.md.
#
# WEIR_DEPS is the folder that `tools/setup` fills: ONNX Runtime and the tokenizer library.

find_package(Threads REQUIRED)

function(weir_dependency name)
  add_library(weir_dep_${name} INTERFACE)
  target_link_libraries(weir_dep_${name} INTERFACE ${ARGN})
endfunction()

# Static where the distribution has it; a shared one is carried along by `make install`.
function(weir_library variable name)
  find_library(${variable} NAMES lib${name}.a ${name} REQUIRED)
  if(${variable} MATCHES "\\.so$")
    set_property(GLOBAL APPEND PROPERTY WEIR_SHARED_LIBRARIES ${${variable}})
  endif()
endfunction()

weir_library(WEIR_FMT fmt)
weir_dependency(fmt ${WEIR_FMT})

weir_library(WEIR_SPDLOG spdlog)
weir_dependency(spdlog ${WEIR_SPDLOG} ${WEIR_FMT} Threads::Threads)
target_compile_definitions(weir_dep_spdlog INTERFACE SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)

weir_library(WEIR_PROMETHEUS prometheus-cpp-core)
weir_dependency(prometheus ${WEIR_PROMETHEUS})

weir_library(WEIR_SIMDJSON simdjson)
weir_dependency(simdjson ${WEIR_SIMDJSON})

weir_library(WEIR_YAML yaml-cpp)
weir_dependency(yaml ${WEIR_YAML})

# Its licence wants it to be exchangeable: shared, also where there is a static one.
find_library(WEIR_CSV libcsv.so REQUIRED)
set_property(GLOBAL APPEND PROPERTY WEIR_SHARED_LIBRARIES ${WEIR_CSV})
weir_dependency(csv ${WEIR_CSV})

# Only its header: the library is loaded when the first model is fetched (src/hub/http_client.cc).
find_path(WEIR_CURL_INCLUDE curl/curl.h REQUIRED)
weir_dependency(curl ${CMAKE_DL_LIBS})

if(WEIR_SANITIZE STREQUAL "thread")
  # The one that gRPC's shared libraries use, or there would be two; tests/tsan.supp knows it by its name.
  find_library(WEIR_CRYPTO NAMES crypto REQUIRED)
  find_library(WEIR_SSL NAMES ssl REQUIRED)
endif()
weir_library(WEIR_CRYPTO crypto)
weir_dependency(crypto ${WEIR_CRYPTO} Threads::Threads ${CMAKE_DL_LIBS})
find_library(WEIR_JITTERENTROPY libjitterentropy.a) # the static one of Ubuntu 26.04 wants it
if(WEIR_JITTERENTROPY)
  target_link_libraries(weir_dep_crypto INTERFACE ${WEIR_JITTERENTROPY})
endif()

weir_library(WEIR_SSL ssl)
weir_dependency(ssl ${WEIR_SSL} weir_dep_crypto)

weir_library(WEIR_ZLIB z)
weir_dependency(zlib ${WEIR_ZLIB})

weir_library(WEIR_ZSTD zstd)
weir_dependency(zstd ${WEIR_ZSTD} Threads::Threads)

weir_library(WEIR_URING uring)
weir_dependency(uring ${WEIR_URING})

weir_library(WEIR_SQLITE sqlite3)
weir_dependency(sqlite ${WEIR_SQLITE} Threads::Threads ${CMAKE_DL_LIBS} m)

# The page that shows the HTTP routes: files that set-up fetched.
find_path(WEIR_SWAGGER_UI swagger-ui-bundle.js PATHS ${WEIR_DEPS}/swagger-ui NO_DEFAULT_PATH REQUIRED)

weir_dependency(rapidjson)
weir_dependency(cli11)

find_package(Boost 1.81 REQUIRED)
weir_dependency(boost Boost::headers Threads::Threads)
# Beast 1.81 asserts that a last chunk alone has come with five bytes at least (parse_chunk_header), which a client that
# sends byte by byte shows to be untrue; without assertions, as in releases, it does right.
target_compile_definitions(weir_dep_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX
                           BOOST_DISABLE_ASSERTS)

# ONNX Runtime: an official release that the user points at, an installed package, else what set-up fetched.
set(ONNXRUNTIME_ROOT "$ENV{ONNXRUNTIME_ROOT}" CACHE PATH "An unpacked official release of ONNX Runtime")
if(NOT ONNXRUNTIME_ROOT)
  find_package(onnxruntime CONFIG QUIET)
endif()
if(onnxruntime_FOUND)
  weir_dependency(onnxruntime onnxruntime::onnxruntime)
  get_target_property(WEIR_ORT_LIBRARY onnxruntime::onnxruntime IMPORTED_LOCATION)
else()
  set(hints ${ONNXRUNTIME_ROOT})
  if(NOT hints)
    set(hints ${WEIR_DEPS}/onnxruntime)
  endif()
  find_path(WEIR_ORT_INCLUDE onnxruntime_cxx_api.h PATHS ${hints}
            PATH_SUFFIXES include include/onnxruntime NO_DEFAULT_PATH REQUIRED)
  find_library(WEIR_ORT_LIBRARY NAMES onnxruntime libonnxruntime.so.1 PATHS ${hints} PATH_SUFFIXES lib
               NO_DEFAULT_PATH REQUIRED)
  weir_dependency(onnxruntime ${WEIR_ORT_LIBRARY})
  target_include_directories(weir_dep_onnxruntime SYSTEM INTERFACE ${WEIR_ORT_INCLUDE})
endif()

# The tokenizer library (src/text/tokenizer_ffi), built by set-up: a static Rust library.
find_library(WEIR_TOKENIZER NAMES libweir_tokenizer.a PATHS ${WEIR_DEPS}/tokenizer/lib NO_DEFAULT_PATH REQUIRED)
weir_dependency(tokenizer ${WEIR_TOKENIZER} Threads::Threads ${CMAKE_DL_LIBS} m)

# gRPC and Protocol Buffers, static like the rest, with all that these want in turn.
find_package(PkgConfig REQUIRED)
pkg_check_modules(WEIR_GRPC REQUIRED grpc++ protobuf re2) # gRPC's own file knows re2, but not what that needs
set(grpc_libraries)
foreach(name IN LISTS WEIR_GRPC_STATIC_LIBRARIES)
  string(REGEX REPLACE "^:lib(.*)\\.a$" "\\1" name ${name}) # "-l:libname.a"
  if(name MATCHES "^(dl|rt|m|pthread|atomic)$")
    continue()
  endif()
  string(MAKE_C_IDENTIFIER "WEIR_GRPC_${name}" variable)
  if(WEIR_SANITIZE STREQUAL "thread")
    # ThreadSanitizer is told by library whose locks it cannot see (tests/tsan.supp).
    find_library(${variable} NAMES ${name} REQUIRED)
  else()
    weir_library(${variable} ${name})
  endif()
  list(APPEND grpc_libraries ${${variable}})
endforeach()
weir_dependency(grpc -Wl,--start-group ${grpc_libraries} -Wl,--end-group Threads::Threads ${CMAKE_DL_LIBS} rt)
find_program(WEIR_PROTOC protoc REQUIRED)
find_program(WEIR_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

# weir_protocols(NAME FILE...): what protoc makes of these, as one library without our warnings.
function(weir_protocols name)
  set(made ${CMAKE_BINARY_DIR}/proto)
  file(MAKE_DIRECTORY ${made})
  set(sources)
  foreach(file IN LISTS ARGN)
    get_filename_component(stem ${file} NAME_WE)
    get_filename_component(folder ${file} DIRECTORY)
    set(outputs ${made}/${stem}.pb.cc ${made}/${stem}.grpc.pb.cc)
    add_custom_command(OUTPUT ${outputs} ${made}/${stem}.pb.h ${made}/${stem}.grpc.pb.h
      COMMAND ${WEIR_PROTOC} -I ${folder} --cpp_out=${made} --grpc_out=${made}
              --plugin=protoc-gen-grpc=${WEIR_GRPC_PLUGIN} ${file}
      DEPENDS ${file} VERBATIM)
    list(APPEND sources ${outputs})
  endforeach()
  add_library(weir_proto_${name} STATIC ${sources})
  target_include_directories(weir_proto_${name} SYSTEM PUBLIC ${made})
  target_compile_options(weir_proto_${name} PRIVATE -w)
  if(WEIR_SANITIZE)
    target_compile_options(weir_proto_${name} PRIVATE -fsanitize=${WEIR_SANITIZE})
  endif()
  weir_dependency(proto_${name} weir_proto_${name} weir_dep_grpc)
endfunction()
