# A room: one folder under src, one static library, its unit tests beside the code.

# Standard headers that nearly every file includes, compiled once for the code and once for the tests.
set(WEIR_PCH <algorithm> <atomic> <chrono> <cstdint> <deque> <expected> <filesystem> <functional> <map>
    <memory> <optional> <span> <stop_token> <string> <string_view> <thread> <utility> <vector> <fmt/format.h>)

file(WRITE ${CMAKE_BINARY_DIR}/pch.cc "")
add_library(weir_pch STATIC ${CMAKE_BINARY_DIR}/pch.cc)
target_link_libraries(weir_pch PUBLIC weir_flags)
target_include_directories(weir_pch PUBLIC ${CMAKE_SOURCE_DIR}/src)
target_precompile_headers(weir_pch PUBLIC ${WEIR_PCH})

# weir_room(NAME ROOMS what it may include LIBRARIES from cmake/dependencies.cmake)
function(weir_room name)
  cmake_parse_arguments(ROOM "" "" "ROOMS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  add_library(weir_${name} STATIC ${sources})
  target_link_libraries(weir_${name} PUBLIC weir_flags)
  target_include_directories(weir_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_precompile_headers(weir_${name} REUSE_FROM weir_pch)
  foreach(room IN LISTS ROOM_ROOMS)
    target_link_libraries(weir_${name} PUBLIC weir_${room})
  endforeach()
  foreach(library IN LISTS ROOM_LIBRARIES)
    target_link_libraries(weir_${name} PUBLIC weir_dep_${library})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY WEIR_ROOMS ${name})
  set_property(GLOBAL PROPERTY WEIR_TESTS_OF_${name} "${tests}")
endfunction()

# A program on top of rooms. It finds ONNX Runtime in the build tree and, once installed, beside itself.
function(weir_program target)
  list(TRANSFORM ARGN PREPEND weir_ OUTPUT_VARIABLE rooms)
  target_link_libraries(${target} PRIVATE ${rooms} weir_flags)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/weir")
endfunction()
