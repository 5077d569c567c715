# `make install PREFIX=...`: a tree that works wherever it is moved.

install(TARGETS weir RUNTIME DESTINATION bin)
file(REAL_PATH ${WEIR_ORT_LIBRARY} ort_file)
install(FILES ${ort_file} DESTINATION lib/weir RENAME libonnxruntime.so.1)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/examples/models DESTINATION share/weir/examples
        FILES_MATCHING PATTERN "*.onnx")
install(FILES LICENSE NOTICE README.md DESTINATION share/doc/weir)
if(EXISTS ${WEIR_DEPS}/onnxruntime/LICENSE)
  install(FILES ${WEIR_DEPS}/onnxruntime/LICENSE DESTINATION share/doc/weir RENAME LICENSE.onnxruntime)
  install(FILES ${WEIR_DEPS}/onnxruntime/ThirdPartyNotices.txt DESTINATION share/doc/weir
          RENAME ThirdPartyNotices.onnxruntime.txt)
endif()
