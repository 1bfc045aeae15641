# instgen_unit: everything that is generated from the instruction definitions of one ISA.
#
#   instgen_unit(riscv64 FILES isa.inst arith.inst … OUT_VAR RISCV64_INSTS)   # files relative to this folder
#   add_library(assay_isa_riscv64 … ${RISCV64_INSTS})
#   target_link_libraries(assay_isa_riscv64 PUBLIC assay_machine assay_notation_runtime)
#
# Headers are #included as "compiler/isa/riscv64/insts.h" (it includes terms.h); the ISLE declarations are
# ${CMAKE_BINARY_DIR}/generated/compiler/isa/riscv64/insts.isle, whose path is also left in ${OUT_VAR}_ISLE.
function(instgen_unit isa)
  cmake_parse_arguments(ARG "" "OUT_VAR" "FILES" ${ARGN})
  set(folder ${CMAKE_BINARY_DIR}/generated/compiler/isa/${isa})
  file(MAKE_DIRECTORY ${folder})
  set(inputs)
  set(paths)
  foreach(file ${ARG_FILES})
    get_filename_component(path ${file} ABSOLUTE)
    list(APPEND inputs ${path})
    # Paths in messages and tables are relative to the source tree.
    file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR} ${path})
    list(APPEND paths ${relative})
  endforeach()
  set(sources ${folder}/insts.h ${folder}/terms.h ${folder}/insts.cpp ${folder}/encode.cpp)
  add_custom_command(
    OUTPUT ${sources} ${folder}/insts.isle
    BYPRODUCTS ${folder}/insts.md
    COMMAND instgen --out ${folder} ${paths}
    DEPENDS instgen ${inputs}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "instgen ${isa}"
    VERBATIM)
  if(ARG_OUT_VAR)
    set(${ARG_OUT_VAR} ${sources} PARENT_SCOPE)
    set(${ARG_OUT_VAR}_ISLE ${folder}/insts.isle PARENT_SCOPE)
  endif()
endfunction()
