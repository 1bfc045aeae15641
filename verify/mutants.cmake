# Mutants of rules and specs, judged by the prover.
add_library(assay_mutants STATIC
  mutants.cpp
  mutants_equivalence.cpp
  mutants_instructions.cpp
  mutants_table.cpp
  mutate.cpp
  mutate_instructions.cpp
  rule_equivalence.cpp
  rule_repair.cpp
  sides.cpp
  symmetry.cpp)
target_include_directories(assay_mutants PRIVATE ${Z3_INCLUDE_DIR})
target_link_libraries(assay_mutants PUBLIC assay_verify assay_conformance PRIVATE assay_interpreter assay_meanings)
assay_test(mutate_test LIBS assay_mutants SOURCES mutate_test.cpp)
assay_test(rule_equivalence_test LIBS assay_mutants SOURCES rule_equivalence_test.cpp)
assay_test(rule_repair_test LIBS assay_mutants SOURCES rule_repair_test.cpp)
assay_test(mutants_instructions_test LIBS assay_mutants SOURCES mutants_instructions_test.cpp)
# A few mutants of every kind on every ISA: all noticed, equivalent or explained.
if(ASSAY_TESTS)
  add_test(NAME mutants_sample COMMAND assay mutants --kind rules,specs,encodings --count 12 --seed 4
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(mutants_sample PROPERTIES LABELS proof TIMEOUT 300)
endif()
