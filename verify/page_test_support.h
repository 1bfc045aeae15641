// For tests of pages: opens one in a headless browser and gives the document as its script has made it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "compiler/support/diagnostic.h"

namespace assay::verify {

inline std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
  pclose(pipe);
  return out;
}

inline size_t count(const std::string& text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// Skips, and says so, where there is no browser. The page and the browser's profile lie in a folder of the test's own.
class PageTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string_view(ASSAY_BROWSER).empty()) GTEST_SKIP() << "there is no Chromium here: apt-get install chromium";
    folder_ = std::filesystem::temp_directory_path() / ("assay_page_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // The document after its script has run, without the script elements; `hash` is what the address ends with.
  std::string document_of(const std::string& html, const std::string& hash = "") {
    const std::string file = folder_ / "index.html";
    EXPECT_TRUE(write_file(file, html));
    std::string dom =
        output_of("timeout 60 " ASSAY_BROWSER " --headless --no-sandbox --disable-gpu --user-data-dir='" +
                  (folder_ / "profile").string() + "' --dump-dom 'file://" + file + hash + "' 2>/dev/null");
    for (size_t at = dom.find("<script"); at != std::string::npos; at = dom.find("<script")) {
      dom.erase(at, dom.find("</script>", at) + 9 - at);
    }
    return dom;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace assay::verify
