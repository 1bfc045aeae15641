# Mutants of rules and specs, judged by the prover.
add_library(assay_mutants STATIC
  mutants.cpp
  mutate.cpp
  symmetry.cpp)
target_include_directories(assay_mutants PRIVATE ${Z3_INCLUDE_DIR})
target_link_libraries(assay_mutants PUBLIC assay_verify PRIVATE assay_meanings)
assay_test(mutate_test LIBS assay_mutants SOURCES mutate_test.cpp)
