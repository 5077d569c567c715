# weir_embed(ROOM FILE...): puts the files into the room's library, where `weir::ROOM::Files()` gives them.
function(weir_embed room)
  set(folder ${CMAKE_BINARY_DIR}/embedded/${room})
  file(MAKE_DIRECTORY ${folder})
  set(assembly "  .section .rodata\n")
  set(declared "")
  set(rows "")
  set(number 0)
  foreach(file IN LISTS ARGN)
    get_filename_component(name ${file} NAME)
    set(symbol weir_${room}_file_${number})
    math(EXPR number "${number} + 1")
    string(APPEND assembly
      "  .global ${symbol}\n  .global ${symbol}_end\n${symbol}:\n  .incbin \"${file}\"\n${symbol}_end:\n  .byte 0\n")
    string(APPEND declared "extern const char ${symbol}[];\nextern const char ${symbol}_end[];\n")
    string(APPEND rows "      EmbeddedFile{\"${name}\", {${symbol}, static_cast<std::size_t>(${symbol}_end - ${symbol})}},\n")
  endforeach()
  string(APPEND assembly "  .section .note.GNU-stack,\"\",%progbits\n")
  file(CONFIGURE OUTPUT ${folder}/files.S CONTENT "${assembly}" @ONLY)
  file(CONFIGURE OUTPUT ${folder}/files.cc CONTENT "// Made by cmake/embed.cmake.
#include <array>
#include <span>

#include \"base/embedded_file.h\"

extern \"C\" {
${declared}}

namespace weir::${room} {

std::span<const EmbeddedFile> Files() {
  static const std::array files = {
${rows}  };
  return files;
}

}  // namespace weir::${room}
" @ONLY)
  set_property(SOURCE ${folder}/files.S PROPERTY OBJECT_DEPENDS ${ARGN})
  set_property(SOURCE ${folder}/files.cc PROPERTY SKIP_PRECOMPILE_HEADERS ON)
  target_sources(weir_${room} PRIVATE ${folder}/files.S ${folder}/files.cc)
endfunction()
