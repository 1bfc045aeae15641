# Functions that make rules fire, found by the solver, compiled and run.
add_library(assay_witness STATIC
  witness.cpp
  witness_exceptions.cpp)
target_include_directories(assay_witness PRIVATE ${Z3_INCLUDE_DIR})
target_link_libraries(assay_witness PUBLIC assay_verify PRIVATE assay_harness assay_isa assay_opt)
assay_test(witness_test LIBS assay_witness assay_harness assay_isa SOURCES witness_test.cpp)
assay_test(counterexample_test LIBS assay_verify assay_harness assay_isa_interpreted SOURCES counterexample_test.cpp)
if(ASSAY_TESTS)
  set_tests_properties(witness_test counterexample_test PROPERTIES LABELS proof)  # not under sanitizers: Z3 takes minutes there
endif()
