# Loads all registers from the control page, jumps to the code under test; stores them after its return.
# The counterpart for the host itself is in native_executor.cpp.
  .set frame, 0x32000000
  .text
  .globl assay_enter, assay_return, assay_abort, assay_end
  .type assay_enter, @function
assay_enter:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, frame + 0x310
  ldmxcsr frame + 0x318
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  movups frame + 0x100 + 16 * \n, %xmm\n
  .endr
  movq frame + 0x00, %rax
  movq frame + 0x08, %rcx
  movq frame + 0x10, %rdx
  movq frame + 0x18, %rbx
  movq frame + 0x28, %rbp
  movq frame + 0x30, %rsi
  movq frame + 0x38, %rdi
  .irp n, 8, 9, 10, 11, 12, 13, 14, 15
  movq frame + 8 * \n, %r\n
  .endr
  movq frame + 0x20, %rsp
  jmpq *frame + 0x300
assay_return:
  movq %rsp, frame + 0x20
  movq frame + 0x310, %rsp
  pushfq
  popq frame + 0x308
  movq %rax, frame + 0x00
  movq %rcx, frame + 0x08
  movq %rdx, frame + 0x10
  movq %rbx, frame + 0x18
  movq %rbp, frame + 0x28
  movq %rsi, frame + 0x30
  movq %rdi, frame + 0x38
  .irp n, 8, 9, 10, 11, 12, 13, 14, 15
  movq %r\n, frame + 8 * \n
  .endr
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  movups %xmm\n, frame + 0x100 + 16 * \n
  .endr
assay_abort:
  movq frame + 0x310, %rsp
  cld
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
assay_end:
  .section .note.GNU-stack, "", @progbits
