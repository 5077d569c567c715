# `make install PREFIX=...`: a tree that works wherever it is moved. The program finds the libraries that it
# carries beside itself; only the C and C++ run-time libraries are the system's.

install(TARGETS weir RUNTIME_DEPENDENCY_SET weir_libraries RUNTIME DESTINATION bin)
install(RUNTIME_DEPENDENCY_SET weir_libraries DESTINATION lib/weir
        PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|gcc_s|stdc\\+\\+)\\.so")
install(DIRECTORY examples/models DESTINATION share/weir/examples FILES_MATCHING PATTERN "*.onnx")
install(FILES LICENSE NOTICE README.md DESTINATION share/doc/weir)
# The program writes its own manual page and completions.
install(CODE "
  foreach(made \"man>man/man1/weir.1\" \"completion bash>bash-completion/completions/weir\"
          \"completion zsh>zsh/site-functions/_weir\" \"completion fish>fish/vendor_completions.d/weir.fish\")
    string(REGEX MATCH \"^([^>]*)>(.*)$\" both \"\${made}\")
    set(file \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/\${CMAKE_MATCH_2}\")
    separate_arguments(arguments UNIX_COMMAND \"\${CMAKE_MATCH_1}\")
    cmake_path(GET file PARENT_PATH folder)
    file(MAKE_DIRECTORY \"\${folder}\")
    execute_process(COMMAND \"$<TARGET_FILE:weir>\" \${arguments} OUTPUT_FILE \"\${file}\" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
")
# The licences of what it carries: Debian's copyright files, the crates' own texts, ONNX Runtime's.
foreach(package libfmt libspdlog libsimdjson libyaml-cpp libcli11 libcsv libssl rapidjson prometheus-cpp libboost1.81 libboost1.83)
  if(EXISTS /usr/share/doc/${package}-dev/copyright)
    install(FILES /usr/share/doc/${package}-dev/copyright DESTINATION share/doc/weir/licenses RENAME ${package}.txt)
  endif()
endforeach()
install(FILES ${WEIR_DEPS}/tokenizer/ThirdPartyNotices.txt DESTINATION share/doc/weir/licenses
        RENAME tokenizers-and-crates.txt)
foreach(notice LICENSE swagger-ui-bundle.js.LICENSE.txt)
  install(FILES ${WEIR_SWAGGER_UI}/${notice} DESTINATION share/doc/weir/licenses RENAME swagger-ui.${notice})
endforeach()
if(EXISTS ${WEIR_DEPS}/onnxruntime/LICENSE)
  install(FILES ${WEIR_DEPS}/onnxruntime/LICENSE DESTINATION share/doc/weir RENAME LICENSE.onnxruntime)
  install(FILES ${WEIR_DEPS}/onnxruntime/ThirdPartyNotices.txt DESTINATION share/doc/weir
          RENAME ThirdPartyNotices.onnxruntime.txt)
endif()
