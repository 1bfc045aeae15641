# Instructions judged one by one: encodings by LLVM, meanings by emulators and the host.
find_path(LLVM19_CPP_INCLUDE llvm/MC/MCContext.h HINTS /usr/lib/llvm-19/include NO_DEFAULT_PATH)
if(NOT LLVM19_CPP_INCLUDE)
  message(FATAL_ERROR "LLVM 19 is missing: apt-get install llvm-19-dev (or run ci/install)")
endif()
add_library(assay_conformance STATIC
  assembler.cpp
  conformance.cpp
  decoded_roles.cpp
  encoding_check.cpp
  interpreted_encoder.cpp
  interpreted_insts.cpp
  llvm_target.cpp
  operand_cases.cpp
  static_value.cpp)
set_source_files_properties(assembler.cpp decoded_roles.cpp llvm_target.cpp PROPERTIES COMPILE_OPTIONS "-fno-rtti;-Wno-deprecated-declarations")
target_include_directories(assay_conformance SYSTEM PRIVATE ${LLVM19_CPP_INCLUDE})
target_link_libraries(assay_conformance PUBLIC assay_notation assay_harness assay_oracles PRIVATE assay_isa ${LLVM19_LIBRARY})
foreach(isa ${isas})
  string(TOUPPER ${isa} upper)
  target_compile_definitions(assay_conformance PRIVATE ASSAY_HAS_${upper})
endforeach()
assay_test(encoding_check_test LIBS assay_conformance assay_isa SOURCES encoding_check_test.cpp)
assay_test(conformance_test LIBS assay_conformance assay_isa SOURCES conformance_test.cpp)
assay_test(interpreted_insts_test LIBS assay_conformance assay_isa SOURCES interpreted_insts_test.cpp)
