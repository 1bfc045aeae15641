# islec_unit: the C++ of a set of rule files, made at build time by the program islec.
#
#   islec_unit(NAME x64
#     NAMESPACE assay::isa::x64
#     CONTEXT_HEADER compiler/isa/x64/lower_context.h   # defines the class Context (or CONTEXT name) in the namespace
#     INCLUDES compiler/isa/x64/types.h                 # what defines the primitive and external types
#     FILES lower.isle inst.isle                        # relative to this folder, or absolute (generated files)
#     OUT_VAR X64_RULES)                                # the sources and headers to add to a library
#   add_library(assay_isa_x64 … ${X64_RULES})
#
# The header is #included as "isle/x64/x64_isle.h". Each rule file becomes one .cpp; editing a rule builds one of them.
function(islec_unit)
  cmake_parse_arguments(ARG "" "NAME;NAMESPACE;CONTEXT;CONTEXT_HEADER;OUT_VAR" "FILES;INCLUDES" ${ARGN})
  set(folder ${CMAKE_BINARY_DIR}/generated/isle/${ARG_NAME})
  set(outputs ${folder}/${ARG_NAME}_isle.h ${folder}/${ARG_NAME}_isle_rules.cpp)
  set(inputs)
  set(paths)
  foreach(file ${ARG_FILES})
    get_filename_component(path ${file} ABSOLUTE)
    list(APPEND inputs ${path})
    get_filename_component(stem ${path} NAME_WE)
    string(REGEX REPLACE "[^A-Za-z0-9]" "_" stem ${stem})
    list(APPEND outputs ${folder}/${ARG_NAME}_isle_${stem}.cpp)
    # Paths in messages and in the rule table are relative to the source tree where they can be.
    file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR} ${path})
    if(relative MATCHES "^\\.\\.")
      set(relative ${path})
    endif()
    list(APPEND paths ${relative})
  endforeach()
  set(options --out ${folder} --unit ${ARG_NAME} --namespace ${ARG_NAMESPACE})
  if(ARG_CONTEXT)
    list(APPEND options --context ${ARG_CONTEXT})
  endif()
  if(ARG_CONTEXT_HEADER)
    list(APPEND options --context-header ${ARG_CONTEXT_HEADER})
  endif()
  foreach(include ${ARG_INCLUDES})
    list(APPEND options --include ${include})
  endforeach()
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND islec ${options} ${paths}
    DEPENDS islec ${inputs}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "islec ${ARG_NAME}"
    VERBATIM)
  set(${ARG_OUT_VAR} ${outputs} PARENT_SCOPE)

  # For islec_interpreter.
  add_custom_command(
    OUTPUT ${folder}/${ARG_NAME}_isle_interpret.h ${folder}/${ARG_NAME}_isle_interpret.cpp
    COMMAND islec --interpret ${options} ${paths}
    DEPENDS islec ${inputs}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "islec --interpret ${ARG_NAME}"
    VERBATIM)
endfunction()

# islec_interpreter(NAME x64 LIBRARY assay_isa_x64): the same unit's rules run by the rule interpreter, as
# functions interpret_<term> beside constructor_<term> ("isle/x64/x64_isle_interpret.h"); for tests. To be called in the
# folder of islec_unit. Makes the library <LIBRARY>_interpreted; LIBRARY has the context.
function(islec_interpreter)
  cmake_parse_arguments(ARG "" "NAME;LIBRARY" "" ${ARGN})
  set(folder ${CMAKE_BINARY_DIR}/generated/isle/${ARG_NAME})
  add_library(${ARG_LIBRARY}_interpreted STATIC EXCLUDE_FROM_ALL
    ${folder}/${ARG_NAME}_isle_interpret.h ${folder}/${ARG_NAME}_isle_interpret.cpp)
  target_link_libraries(${ARG_LIBRARY}_interpreted PUBLIC ${ARG_LIBRARY} assay_isle)
  target_compile_options(${ARG_LIBRARY}_interpreted PRIVATE -O1 -g0)  # much code: half a minute with -O3
endfunction()
