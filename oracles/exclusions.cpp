#include "oracles/exclusions.h"

#include <algorithm>

namespace assay::oracles {
namespace {

constexpr IsaKind kX64 = IsaKind::x64;
constexpr IsaKind kAarch64 = IsaKind::aarch64;
constexpr IsaKind kRiscv64 = IsaKind::riscv64;
constexpr IsaKind kS390x = IsaKind::s390x;

// The first match counts: what is wrong or absent stands before what is only unsure of its NaNs.
// clang-format off
constexpr Exclusion kExclusions[] = {
    // x86-64
    {"unicorn", kX64, "popcnt* movbe* pclmul*", Trust::Absent, "Unicorn 2.0.1 lacks POPCNT, MOVBE, PCLMULQDQ", ""},
    {"unicorn", kX64, "v*ymm* v*zmm* k* vfm* vfnm* vgather* vpgather* vpbroadcast* vbroadcast* vcvtph2ps* vcvtps2ph*",
     Trust::Absent, "Unicorn 2.0.1 lacks AVX with 256 bits, AVX2, FMA, F16C, AVX-512", ""},
    {"unicorn", kX64, "v*", Trust::Wrong, "VEX.128 runs as the two-operand SSE form", "x64_vex128"},
    {"unicorn", kX64, "pdep*", Trust::Wrong, "operands swapped", "x64_pdep"},
    {"unicorn", kX64, "pext?_* pextl_* pextq_*", Trust::Wrong, "operands swapped", "x64_pext"},
    {"unicorn", kX64, "bzhi*", Trust::Wrong, "index beyond the width", "x64_bzhi"},
    {"unicorn", kX64, "bextr*", Trust::Wrong, "length of 64 or more", "x64_bextr"},
    {"unicorn", kX64, "blsi*", Trust::Wrong, "carry inverted", "x64_blsi_carry"},
    {"qemu",    kX64, "blsi*", Trust::Wrong, "carry inverted", "x64_blsi_carry"},
    {"qemu",    kX64, "*zmm* k* *%k*", Trust::Absent, "QEMU 7.2 lacks AVX-512", ""},
    {"unicorn", kX64, "adds* addp* subs* subp* muls* mulp* divs* divp*", Trust::NotNanBits,
     "of two NaNs takes the larger, not the first", "x64_nan_choice"},
    {"qemu",    kX64,
     "adds* addp* subs* subp* muls* mulp* divs* divp* vadds* vaddp* vsubs* vsubp* vmuls* vmulp* vdivs* vdivp*",
     Trust::NotNanBits, "of two NaNs takes the larger, not the first", "x64_nan_choice"},

    // AArch64
    {"unicorn", kAarch64,
     "bfdot* bfml* bfmm* bfcvt* *_z*.?,* *_p*.?,* ptrue* whilel* smmla* ummla* usdot* sudot* irg* stg* ldg*",
     Trust::Absent, "Unicorn 2.0.1 lacks SVE, BF16, I8MM, MTE", ""},

    {"unicorn", kAarch64, "ldsmin*_w* ldsmax*_w* ldumin*_w* ldumax*_w*", Trust::Wrong,
     "memory of less than 64 bits without its sign, and all of the operand",
     "aarch64_ldsmin_word"},

    // RISC-V
    {"unicorn", kRiscv64, "amomin*.w* amomax*.w*", Trust::Wrong, "memory without its sign, and all of the operand",
     "riscv64_amomin_word"},
    {"unicorn", kRiscv64, "fmin.* fmax.*", Trust::Wrong, "signalling NaN by the old rule", "riscv64_fmin_signalling"},
    {"unicorn", kRiscv64, "fmin.* fmax.*", Trust::Wrong, "signalling NaN by the old rule", "riscv64_fmax_signalling"},
    {"unicorn", kRiscv64,
     "sh1add* sh2add* sh3add* add.uw* slli.uw* zext.h* zext.w* sext.b* sext.h* andn* orn* xnor* clz* ctz* cpop* max_* "
     "max?_* min_* min?_* rol* ror* rev8* orc.b* bclr* bext* binv* bset* clmul* pack* brev8* zip* unzip* xperm*",
     Trust::Absent, "Unicorn 2.0.1 lacks Zba, Zbb, Zbc, Zbs, Zbkb", ""},
    {"unicorn", kRiscv64, "czero.* *.h_* fcvt.*.h* fcvt.h.* fmv.*.h* fmv.h.* flh* fsh* fli.* fminm* fmaxm* fround* "
     "fcvtmod* c.zext* c.sext* c.mul* c.not* c.lbu* c.lhu* c.lh* c.sb* c.sh*",
     Trust::Absent, "Unicorn 2.0.1 lacks Zicond, Zfh, Zfa, Zcb", ""},
    {"unicorn", kRiscv64, "v*", Trust::Absent, "Unicorn 2.0.1 lacks V", ""},
    {"qemu",    kRiscv64, "czero.* fli.* fminm* fmaxm* fround* fcvtmod* fleq* fltq* fmvh* fmvp*", Trust::Absent,
     "QEMU 7.2 lacks Zicond and Zfa", ""},

    // s390x. Only overflow sets condition code 3 wrongly, so whoever tests for it is excluded, not every addition.
    {"unicorn", kS390x, "jo_* jno_* jgo_* jgno_* bor_* bnor_* bo_* bno_* loc*o_* loc*no_* ipm_* sel*o_*", Trust::Wrong,
     "condition code of an addition that overflows to zero", "s390x_add_overflow_cc"},
    {"unicorn", kS390x, "jo_* jno_* jgo_* jgno_* bor_* bnor_* bo_* bno_* loc*o_* loc*no_* ipm_* sel*o_*", Trust::Wrong,
     "condition code of a subtraction that overflows", "s390x_subtract_overflow_cc"},
    {"unicorn", kS390x, "cfebr* cfdbr* cfxbr* cgebr* cgdbr* cgxbr* vcgdb* vcgd_* wcgdb*", Trust::Wrong,
     "NaN to a signed integer", "s390x_nan_to_signed"},
    {"unicorn", kS390x, "clfebr* clfdbr* clfxbr* clgebr* clgdbr* clgxbr* vclgdb* vclgd_* wclgdb*", Trust::Wrong,
     "NaN to an unsigned integer", "s390x_nan_to_unsigned"},
    {"unicorn", kS390x, "popcnt_*,_*,_*", Trust::Wrong, "M3 is ignored", "s390x_popcnt_whole"},
    {"unicorn", kS390x,
     "agh_* bic* mgh_* mg_* mgrk* msc_* msgc_* msgrkc* msrkc* sgh_* kma* lgg_* llgfsg* lgsc* stgsc* ncrk* ncgrk* nnrk* "
     "nngrk* nork* nogrk* nxrk* nxgrk* ocrk* ocgrk* sel* mvcrl* lbear* stbear*",
     Trust::Absent, "Unicorn 2.0.1 lacks what z14 and z15 added", ""},
    {"unicorn", kS390x,
     "v*sb_* w*sb_* w*xb_* vbperm* vfmax* vfmin* vfnma* vfnms* wfnma* wfnms* wfmax* wfmin* vllezlf* vlrl* vstrl* vmsl* "
     "vnn_* voc_* vnx_* vpopct?_* vpopct_*,_*,_1 vpopct_*,_*,_2 vpopct_*,_*,_3 vlbr* vler* vlebr* vllebr* vstbr* "
     "vster* vstebr* vsld_* vsrd_* vstrs* vcef* vcelf* vcfe* vclfe* vpk?_*,_*,_*,_* vap* vsp_* vmp* vdp* vcvb* vcvd* "
     "vpkz* vupkz* vlip* vtp* vcp* vpsop* vrp* vsrp* vsdp*",
     Trust::Absent, "Unicorn 2.0.1 lacks the vector enhancements of z14 and z15", ""},
    {"unicorn", kS390x, "aebr* adbr* axbr* aeb_* adb_* sebr* sdbr* sxbr* seb_* sdb_* meebr* mdbr* mxbr* meeb_* mdb_* "
     "debr* ddbr* dxbr* deb_* ddb_* ma?br* ms?br* vfa* vfs_* vfsdb* vfm* vfd* wfa* wfs* wfm* wfd*",
     Trust::NotNanBits, "chooses the other NaN", "s390x_nan_choice"},
    {"qemu",    kS390x,
     "adtr* sdtr* mdtr* ddtr* axtr* sxtr* mxtr* dxtr* cdgtr* cgdtr* tbegin* tend* tabort* etnd* ntstg*",
     Trust::Absent, "QEMU 7.2 lacks decimal floats and transactions", ""},
};
// clang-format on

// `*` any characters, `?` one, `_` a space. Linear in text times stars: each star restarts from its last match.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == (text[t] == ' ' ? '_' : text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool any_matches(std::string_view patterns, std::string_view text) {
  while (!patterns.empty()) {
    const size_t end = std::min(patterns.find(' '), patterns.size());
    if (end > 0 && matches(patterns.substr(0, end), text)) return true;
    patterns.remove_prefix(std::min(end + 1, patterns.size()));
  }
  return false;
}

bool forbids(const Exclusion& exclusion) { return exclusion.trust == Trust::Wrong || exclusion.trust == Trust::Absent; }

}  // namespace

std::span<const Exclusion> exclusions() { return kExclusions; }

const Exclusion* find_exclusion(std::string_view executor, IsaKind isa, std::string_view text) {
  executor = executor.substr(0, executor.find('-'));
  for (const Exclusion& exclusion : kExclusions) {
    if (exclusion.isa == isa && exclusion.executor == executor && any_matches(exclusion.instructions, text)) {
      return &exclusion;
    }
  }
  return nullptr;
}

bool may_judge(std::string_view executor, IsaKind isa, std::string_view text) {
  const Exclusion* exclusion = find_exclusion(executor, isa, text);
  return exclusion == nullptr || !forbids(*exclusion);
}

bool may_judge_all(std::string_view executor, IsaKind isa) {
  executor = executor.substr(0, executor.find('-'));
  return std::ranges::none_of(kExclusions, [&](const Exclusion& exclusion) {
    return exclusion.isa == isa && exclusion.executor == executor && forbids(exclusion);
  });
}

const Exclusion* find_exclusion(std::string_view executor, IsaKind isa, std::span<const DisassembledInst> code) {
  for (const DisassembledInst& inst : code) {
    const Exclusion* exclusion = find_exclusion(executor, isa, inst.text);
    if (exclusion != nullptr && forbids(*exclusion)) return exclusion;
  }
  return nullptr;
}

}  // namespace assay::oracles
