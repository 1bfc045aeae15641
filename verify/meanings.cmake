# What proofs take for granted, judged without a solver's search: meanings of operations by the interpreter, specs of
# helper terms by the C++ they stand for.
add_library(assay_meanings STATIC
  helper_check.cpp
  helper_contracts.cpp
  helper_optimizer.cpp
  helper_table.cpp
  operation_check.cpp)
target_include_directories(assay_meanings PRIVATE ${Z3_INCLUDE_DIR})
target_link_libraries(assay_meanings PUBLIC assay_verify assay_interpreter assay_isa assay_opt)
foreach(isa ${isas})
  string(TOUPPER ${isa} upper)
  target_compile_definitions(assay_meanings PRIVATE ASSAY_HAS_${upper})
endforeach()
assay_test(operation_check_test LIBS assay_meanings SOURCES operation_check_test.cpp)
assay_test(helper_check_test LIBS assay_meanings SOURCES helper_check_test.cpp)
