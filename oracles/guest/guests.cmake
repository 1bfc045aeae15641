# The guest servers: a static program per ISA, made with that ISA's cross compiler where there is one. A missing compiler
# is no error: that executor then says what to install.
set(ASSAY_GUEST_DEFINITIONS "")
set(ASSAY_GUEST_FILES "")
function(assay_guest isa compiler)
  find_program(ASSAY_CC_${isa} ${compiler})
  if(NOT ASSAY_CC_${isa})
    message(STATUS "no guest server for ${isa}: ${compiler} is missing")
    return()
  endif()
  # A compiler without its C library is as good as none.
  set(check ${CMAKE_CURRENT_BINARY_DIR}/check_${isa})
  file(WRITE ${check}.c "#include <ucontext.h>\nint main(void) { return 0; }\n")
  execute_process(COMMAND ${ASSAY_CC_${isa}} -static ${check}.c -o ${check} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    message(STATUS "no guest server for ${isa}: ${compiler} has no static C library")
    return()
  endif()
  set(program ${CMAKE_CURRENT_BINARY_DIR}/guest_${isa})
  set(sources ${CMAKE_CURRENT_SOURCE_DIR}/guest/server.c ${CMAKE_CURRENT_SOURCE_DIR}/guest/enter_${isa}.S)
  add_custom_command(
    OUTPUT ${program}
    COMMAND ${ASSAY_CC_${isa}} -O2 -Wall -Wextra -Werror -static -no-pie -fno-pie -fno-stack-protector -s -I${CMAKE_SOURCE_DIR} ${ARGN}
            ${sources} -o ${program}
    DEPENDS ${sources} ${CMAKE_CURRENT_SOURCE_DIR}/guest/control.h
    COMMENT "Building the guest server for ${isa}"
    VERBATIM)
  string(TOUPPER ${isa} upper)
  set(ASSAY_GUEST_DEFINITIONS ${ASSAY_GUEST_DEFINITIONS} "ASSAY_GUEST_${upper}=\"${program}\"" PARENT_SCOPE)
  set(ASSAY_GUEST_FILES ${ASSAY_GUEST_FILES} ${program} PARENT_SCOPE)
endfunction()

assay_guest(x64     x86_64-linux-gnu-gcc)
assay_guest(aarch64 aarch64-linux-gnu-gcc)
assay_guest(riscv64 riscv64-linux-gnu-gcc -mno-relax -msmall-data-limit=0 -Wl,--no-relax)
assay_guest(s390x   s390x-linux-gnu-gcc -march=z13)
