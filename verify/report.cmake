# The report: what all judges say, as JSON and as a page.
set(embedded)
embed(report_page ${CMAKE_CURRENT_SOURCE_DIR}/report/page.html ${CMAKE_CURRENT_SOURCE_DIR}/report/page.css
      ${CMAKE_CURRENT_SOURCE_DIR}/report/page.js)
add_library(assay_report STATIC
  report/instructions.cpp
  report/report.cpp
  report/report_html.cpp
  report/report_json.cpp
  ${embedded})
find_package(nlohmann_json REQUIRED)
target_link_libraries(assay_report PUBLIC assay_verify assay_rule_classes assay_meanings assay_conformance assay_witness
                      PRIVATE assay_isa nlohmann_json::nlohmann_json)
assay_test(report_test LIBS assay_report nlohmann_json::nlohmann_json
           SOURCES report/report_test.cpp report/small_report.cpp)
# Looks at the page in a headless browser; skipped, with the reason, where there is none.
find_program(CHROMIUM NAMES chromium chromium-browser)
assay_test(report_page_test LIBS assay_report SOURCES report/page_test.cpp report/small_report.cpp)
if(ASSAY_TESTS)
  target_compile_definitions(report_page_test PRIVATE ASSAY_BROWSER="$<$<BOOL:${CHROMIUM}>:${CHROMIUM}>")
  set_tests_properties(report_page_test PROPERTIES SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endif()
