// Small programs as bytes, one line of assembly above each, for the tests and benchmarks of the executors.
//
// Arguments come as in the C ABI. `site` is the offset of the one instruction that may trap. The bytes were made once
// with LLVM's assembler; disassembler_test reads them back.
//
//   sum            the sum of both arguments
//   memory         loads from [arg0], adds arg1, stores at [arg0 + 8], returns what was loaded
//   trap           stores arg1 at [arg0], then traps
//   divide         arg0 / arg1 unsigned; traps when arg1 is 0
//   loop           never ends
//   count          counts arg0 down to 0, summing
//   clobber        changes a preserved register in its upper half only
//   clobber_float  changes a preserved float register
//   write_above    writes just above its own frame
//   save_area      uses all it may: the frame it makes, the red zone or the register save area
//   unbalanced     returns with the stack pointer 16 too low
//   pops           returns with the stack pointer 16 higher, as a callee that pops 16 bytes of arguments does
//   load           stores arg1 at [sp - 8], then loads from [arg0]
//   store          loads from [sp - 8], then stores arg1 at [arg0]
//   stack          returns the first stack argument plus the second, and stores their difference as a stack result
//   jump           jumps to arg0
//   system_call    asks the operating system for something
//   breakpoint     a breakpoint instruction
//   float_add      the sum of two f64 arguments
//   vector_add     the 64-bit lanes of two vectors, added
//   flags          sets the direction flag
//   add_chain      20 instructions, for the benchmark
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/machine/isa_kind.h"

namespace assay::oracles {

struct TestProgram {
  IsaKind isa;
  std::string_view name;
  uint32_t site;
  std::string_view hex;

  std::vector<uint8_t> bytes() const {
    auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::vector<uint8_t> result;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
      result.push_back(static_cast<uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    }
    return result;
  }
};

// clang-format off
inline constexpr TestProgram kTestPrograms[] = {
    // lea (%rdi,%rsi), %rax; ret
    {IsaKind::x64, "sum", 0, "488d0437c3"},
    // add x0, x0, x1; ret
    {IsaKind::aarch64, "sum", 0, "0000018bc0035fd6"},
    // add a0, a0, a1; ret
    {IsaKind::riscv64, "sum", 0, "2e958280"},
    // agr %r2, %r3; br %r14
    {IsaKind::s390x, "sum", 0, "b908002307fe"},
    // mov (%rdi), %rax; add %rax, %rsi; mov %rsi, 8(%rdi); ret
    {IsaKind::x64, "memory", 0, "488b074801c648897708c3"},
    // ldr x2, [x0]; add x1, x1, x2; str x1, [x0, #8]; mov x0, x2; ret
    {IsaKind::aarch64, "memory", 0, "020040f92100028b010400f9e00302aac0035fd6"},
    // ld a2, 0(a0); add a1, a1, a2; sd a1, 8(a0); mv a0, a2; ret
    {IsaKind::riscv64, "memory", 0, "1061b2950ce532858280"},
    // lg %r4, 0(%r2); agr %r3, %r4; stg %r3, 8(%r2); lgr %r2, %r4; br %r14
    {IsaKind::s390x, "memory", 0, "e34020000004b9080034e33020080024b904002407fe"},
    // mov %rsi, (%rdi); site: ud2
    {IsaKind::x64, "trap", 3, "4889370f0b"},
    // str x1, [x0]; site: udf #0xc11f
    {IsaKind::aarch64, "trap", 4, "010000f91fc10000"},
    // sd a1, 0(a0); site: .word 0xc0001073
    {IsaKind::riscv64, "trap", 2, "0ce1731000c0"},
    // stg %r3, 0(%r2); site: .short 0
    {IsaKind::s390x, "trap", 6, "e330200000240000"},
    // mov %rdi, %rax; xor %edx, %edx; site: div %rsi; ret
    {IsaKind::x64, "divide", 5, "4889f831d248f7f6c3"},
    // cbnz x1, 1f; site: udf #0xc11f; 1: udiv x0, x0, x1; ret
    {IsaKind::aarch64, "divide", 4, "410000b51fc100000008c19ac0035fd6"},
    // bnez a1, 1f; site: .word 0xc0001073; 1: divu a0, a0, a1; ret
    {IsaKind::riscv64, "divide", 2, "99e1731000c03355b5028280"},
    // lgr %r1, %r2; lghi %r0, 0; site: dlgr %r0, %r3; lgr %r2, %r1; br %r14
    {IsaKind::s390x, "divide", 8, "b9040012a7090000b9870003b904002107fe"},
    // 1: jmp 1b
    {IsaKind::x64, "loop", 0, "ebfe"},
    // 1: b 1b
    {IsaKind::aarch64, "loop", 0, "00000014"},
    // 1: j 1b
    {IsaKind::riscv64, "loop", 0, "01a0"},
    // 1: j 1b
    {IsaKind::s390x, "loop", 0, "a7f40000"},
    // xor %eax, %eax; 1: add %rdi, %rax; dec %rdi; jnz 1b; ret
    {IsaKind::x64, "count", 0, "31c04801f848ffcf75f8c3"},
    // mov x1, #0; 1: add x1, x1, x0; subs x0, x0, #1; b.ne 1b; mov x0, x1; ret
    {IsaKind::aarch64, "count", 0, "010080d22100008b000400f1c1ffff54e00301aac0035fd6"},
    // li a1, 0; 1: add a1, a1, a0; addi a0, a0, -1; bnez a0, 1b; mv a0, a1; ret
    {IsaKind::riscv64, "count", 0, "8145aa957d1575fd2e858280"},
    // lghi %r1, 0; 1: agr %r1, %r2; brctg %r2, 1b; lgr %r2, %r1; br %r14
    {IsaKind::s390x, "count", 0, "a7190000b9080012a727fffeb904002107fe"},
    // shl %r13; ret
    {IsaKind::x64, "clobber", 0, "49d1e5c3"},
    // eor x27, x27, #0x8000000000000000; ret
    {IsaKind::aarch64, "clobber", 0, "7b0341d2c0035fd6"},
    // slli s5, s5, 1; ret
    {IsaKind::riscv64, "clobber", 0, "860a8280"},
    // xihf %r9, 1; br %r14
    {IsaKind::s390x, "clobber", 0, "c0960000000107fe"},
    // fmov d9, #1.0; ret
    {IsaKind::aarch64, "clobber_float", 0, "09106e1ec0035fd6"},
    // fcvt.d.w fs3, zero; ret
    {IsaKind::riscv64, "clobber_float", 0, "d30900d28280"},
    // lzdr %f10; br %r14
    {IsaKind::s390x, "clobber_float", 0, "b37500a007fe"},
    // mov %rdi, 8(%rsp); ret
    {IsaKind::x64, "write_above", 0, "48897c2408c3"},
    // str x0, [sp]; ret
    {IsaKind::aarch64, "write_above", 0, "e00300f9c0035fd6"},
    // sd a0, 0(sp); ret
    {IsaKind::riscv64, "write_above", 0, "2ae08280"},
    // stg %r2, 160(%r15); br %r14
    {IsaKind::s390x, "write_above", 0, "e320f0a0002407fe"},
    // mov %rdi, -8(%rsp); push %rbx; mov %rsi, %rbx; mov %rbx, %rax; pop %rbx; ret
    {IsaKind::x64, "save_area", 0, "48897c24f8534889f34889d85bc3"},
    // stp x29, x30, [sp, #-32]!; str x19, [sp, #16]; mov x19, x1; mov x0, x19; ldr x19, [sp, #16];
    // ldp x29, x30, [sp], #32; ret
    {IsaKind::aarch64, "save_area", 0, "fd7bbea9f30b00f9f30301aae00313aaf30b40f9fd7bc2a8c0035fd6"},
    // addi sp, sp, -16; sd s1, 8(sp); mv s1, a1; mv a0, s1; ld s1, 8(sp); addi sp, sp, 16; ret
    {IsaKind::riscv64, "save_area", 0, "411126e4ae842685a26441018280"},
    // stmg %r6, %r15, 48(%r15); lay %r15, -160(%r15); lgr %r6, %r3; lgr %r2, %r6; lmg %r6, %r15, 208(%r15); br %r14
    {IsaKind::s390x, "save_area", 0, "eb6ff0300024e3f0ff60ff71b9040063b9040026eb6ff0d0000407fe"},
    // pop %rcx; sub $16, %rsp; jmp *%rcx
    {IsaKind::x64, "unbalanced", 0, "594883ec10ffe1"},
    // sub sp, sp, #16; ret
    {IsaKind::aarch64, "unbalanced", 0, "ff4300d1c0035fd6"},
    // addi sp, sp, -16; ret
    {IsaKind::riscv64, "unbalanced", 0, "41118280"},
    // aghi %r15, -16; br %r14
    {IsaKind::s390x, "unbalanced", 0, "a7fbfff007fe"},
    // mov 8(%rsp), %rax; ret $16
    {IsaKind::x64, "pops", 0, "488b442408c21000"},
    // ldr x0, [sp]; add sp, sp, #16; ret
    {IsaKind::aarch64, "pops", 0, "e00340f9ff430091c0035fd6"},
    // ld a0, 0(sp); addi sp, sp, 16; ret
    {IsaKind::riscv64, "pops", 0, "026541018280"},
    // lg %r2, 160(%r15); aghi %r15, 16; br %r14
    {IsaKind::s390x, "pops", 0, "e320f0a00004a7fb001007fe"},
    // mov %rsi, -8(%rsp); site: mov (%rdi), %rax; ret
    {IsaKind::x64, "load", 5, "48897424f8488b07c3"},
    // str x1, [sp, #-8]; site: ldr x0, [x0]; ret
    {IsaKind::aarch64, "load", 4, "e1831ff8000040f9c0035fd6"},
    // sd a1, -8(sp); site: ld a0, 0(a0); ret
    {IsaKind::riscv64, "load", 4, "233cb1fe08618280"},
    // stg %r3, -8(%r15); site: lg %r2, 0(%r2); br %r14
    {IsaKind::s390x, "load", 6, "e330fff8ff24e3202000000407fe"},
    // mov -8(%rsp), %rax; site: mov %rsi, (%rdi); ret
    {IsaKind::x64, "store", 5, "488b4424f8488937c3"},
    // ldr x2, [sp, #-8]; site: str x1, [x0]; ret
    {IsaKind::aarch64, "store", 4, "e2835ff8010000f9c0035fd6"},
    // ld a2, -8(sp); site: sd a1, 0(a0); ret
    {IsaKind::riscv64, "store", 4, "033681ff0ce18280"},
    // lg %r4, -8(%r15); site: stg %r3, 0(%r2); br %r14
    {IsaKind::s390x, "store", 6, "e340fff8ff04e3302000002407fe"},
    // mov 8(%rsp), %rax; mov %rax, %rcx; sub 16(%rsp), %rcx; add 16(%rsp), %rax; mov %rcx, 24(%rsp); ret
    {IsaKind::x64, "stack", 0, "488b4424084889c1482b4c2410480344241048894c2418c3"},
    // ldp x0, x1, [sp]; sub x2, x0, x1; add x0, x0, x1; str x2, [sp, #16]; ret
    {IsaKind::aarch64, "stack", 0, "e00740a9020001cb0000018be20b00f9c0035fd6"},
    // ld a0, 0(sp); ld a1, 8(sp); sub a2, a0, a1; add a0, a0, a1; sd a2, 16(sp); ret
    {IsaKind::riscv64, "stack", 0, "0265a2653306b5402e9532e88280"},
    // lg %r2, 160(%r15); lgr %r1, %r2; sg %r1, 168(%r15); ag %r2, 168(%r15); stg %r1, 176(%r15); br %r14
    {IsaKind::s390x, "stack", 0, "e320f0a00004b9040012e310f0a80009e320f0a80008e310f0b0002407fe"},
    // nop; jmp *%rdi
    {IsaKind::x64, "jump", 0, "90ffe7"},
    // nop; br x0
    {IsaKind::aarch64, "jump", 0, "1f2003d500001fd6"},
    // nop; jr a0
    {IsaKind::riscv64, "jump", 0, "01000285"},
    // nopr; br %r2
    {IsaKind::s390x, "jump", 0, "070007f2"},
    // mov $39, %eax; site: syscall; ret
    {IsaKind::x64, "system_call", 5, "b8270000000f05c3"},
    // mov x8, #172; site: svc #0; ret
    {IsaKind::aarch64, "system_call", 4, "881580d2010000d4c0035fd6"},
    // li a7, 172; site: ecall; ret
    {IsaKind::riscv64, "system_call", 4, "9308c00a730000008280"},
    // lghi %r1, 20; site: svc 20; br %r14
    {IsaKind::s390x, "system_call", 4, "a71900140a1407fe"},
    // nop; site: int3; ret
    {IsaKind::x64, "breakpoint", 1, "90ccc3"},
    // nop; site: brk #1; ret
    {IsaKind::aarch64, "breakpoint", 4, "1f2003d5200020d4c0035fd6"},
    // nop; site: ebreak; ret
    {IsaKind::riscv64, "breakpoint", 2, "010002908280"},
    // nopr; site: .short 1; br %r14
    {IsaKind::s390x, "breakpoint", 2, "0700000107fe"},
    // addsd %xmm1, %xmm0; ret
    {IsaKind::x64, "float_add", 0, "f20f58c1c3"},
    // fadd d0, d0, d1; ret
    {IsaKind::aarch64, "float_add", 0, "0028611ec0035fd6"},
    // fadd.d fa0, fa0, fa1; ret
    {IsaKind::riscv64, "float_add", 0, "5375b5028280"},
    // adbr %f0, %f2; br %r14
    {IsaKind::s390x, "float_add", 0, "b31a000207fe"},
    // paddq %xmm1, %xmm0; ret
    {IsaKind::x64, "vector_add", 0, "660fd4c1c3"},
    // add v0.2d, v0.2d, v1.2d; ret
    {IsaKind::aarch64, "vector_add", 0, "0084e14ec0035fd6"},
    // vag %v24, %v24, %v26; br %r14
    {IsaKind::s390x, "vector_add", 0, "e788a0003ef307fe"},
    // std; ret
    {IsaKind::x64, "flags", 0, "fdc3"},
    // 20 instructions, for the benchmark
    {IsaKind::x64, "add_chain", 0,
     "4889f84801f04831f84801f04831f84801f04831f84801f04831f84801f04831f84801f04831f84801f04831f84801f0"
     "4831f84801f04831f8c3"},
    // 20 instructions, for the benchmark
    {IsaKind::aarch64, "add_chain", 0,
     "e20300aa4200018b420000ca4200018b420000ca4200018b420000ca4200018b420000ca4200018b420000ca4200018b"
     "420000ca4200018b420000ca4200018b420000cae00302aa1f2003d5c0035fd6"},
    // 20 instructions, for the benchmark
    {IsaKind::riscv64, "add_chain", 0,
     "2a862e96298e2e96298e2e96298e2e96298e2e96298e2e96298e2e96298e2e96298e328501008280"},
    // 20 instructions, for the benchmark
    {IsaKind::s390x, "add_chain", 0,
     "b9040042b9080043b9820042b9080043b9820042b9080043b9820042b9080043b9820042b9080043b9820042b9080043"
     "b9820042b9080043b9820042b9080043b9820042b9040024070007fe"},
};
// clang-format on

// The program, or null if the ISA has no such.
constexpr const TestProgram* test_program(IsaKind isa, std::string_view name) {
  for (const TestProgram& program : kTestPrograms) {
    if (program.isa == isa && program.name == name) return &program;
  }
  return nullptr;
}

}  // namespace assay::oracles
