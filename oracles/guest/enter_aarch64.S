// Loads all registers from the control page, jumps to the code under test; stores them after its return.
// x16 carries the entry's address, as in any veneer; at the return x30 is nobody's any more.
  .set frame, 0x32000000
  .text
  .globl assay_enter, assay_return, assay_abort, assay_end
  .type assay_enter, %function
assay_enter:
  stp x29, x30, [sp, #-176]!
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x16, #(frame >> 16)
  lsl x16, x16, #16
  mov x17, sp
  str x17, [x16, #0x310]
  ldr x17, [x16, #0x318]
  msr fpcr, x17
  msr fpsr, xzr
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  ldr q\n, [x16, #(0x100 + 16 * \n)]
  .endr
  ldr x17, [x16, #(8 * 31)]
  mov sp, x17
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  ldr x\n, [x16, #(8 * \n)]
  .endr
  ldr x16, [x16, #0x300]
  br x16
assay_return:
  mov x30, #(frame >> 16)
  lsl x30, x30, #16
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
  str x\n, [x30, #(8 * \n)]
  .endr
  mov x0, sp
  str x0, [x30, #(8 * 31)]
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  str q\n, [x30, #(0x100 + 16 * \n)]
  .endr
assay_abort:
  mov x16, #(frame >> 16)
  lsl x16, x16, #16
  ldr x17, [x16, #0x310]
  mov sp, x17
  ldp d14, d15, [sp, #144]
  ldp d12, d13, [sp, #128]
  ldp d10, d11, [sp, #112]
  ldp d8, d9, [sp, #96]
  ldp x27, x28, [sp, #80]
  ldp x25, x26, [sp, #64]
  ldp x23, x24, [sp, #48]
  ldp x21, x22, [sp, #32]
  ldp x19, x20, [sp, #16]
  ldp x29, x30, [sp], #176
  ret
assay_end:
  .section .note.GNU-stack, "", %progbits
