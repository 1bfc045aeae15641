# One function through all stages, as text, JSON and a page.
set(embedded)
embed(explain_page ${CMAKE_CURRENT_SOURCE_DIR}/explain/page.html ${CMAKE_CURRENT_SOURCE_DIR}/report/page.css
      ${CMAKE_CURRENT_SOURCE_DIR}/explain/page.css ${CMAKE_CURRENT_SOURCE_DIR}/explain/page.js)
add_library(assay_explain STATIC
  explain/explain.cpp
  explain/explain_html.cpp
  explain/explain_text.cpp
  ${embedded})
target_link_libraries(assay_explain PUBLIC assay_verify PRIVATE assay_report assay_isa assay_oracles nlohmann_json::nlohmann_json)
assay_test(explain_test LIBS assay_explain assay_isa SOURCES explain/explain_test.cpp)
if(ASSAY_TESTS)
  target_compile_definitions(explain_test PRIVATE ASSAY_BROWSER="$<$<BOOL:${CHROMIUM}>:${CHROMIUM}>")
endif()
