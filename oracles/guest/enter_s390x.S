# Loads all registers from the control page, jumps to the code under test; stores them after its return.
# r1 carries the entry's address; at the return r14 is nobody's any more.
  .machine z13
  .set frame_high, 0x3200
  .text
  .globl assay_enter, assay_return, assay_abort, assay_end
  .type assay_enter, @function
assay_enter:
  stmg %r6, %r15, 48(%r15)
  aghi %r15, -64
  .irp n, 8, 9, 10, 11, 12, 13, 14, 15
  std %f\n, 8 * (\n - 8)(%r15)
  .endr
  llilh %r1, frame_high
  stg %r15, 0x310(%r1)
  lg %r2, 0x318(%r1)
  sfpc %r2
  vlm %v0, %v15, 0x100(%r1)
  vlm %v16, %v31, 0x200(%r1)
  lg %r0, 0(%r1)
  lmg %r2, %r15, 16(%r1)
  lg %r1, 0x300(%r1)
  br %r1
assay_return:
  llilh %r14, frame_high
  stmg %r0, %r13, 0(%r14)
  stg %r15, 120(%r14)
  vstm %v0, %v15, 0x100(%r14)
  vstm %v16, %v31, 0x200(%r14)
assay_abort:
  llilh %r1, frame_high
  lg %r15, 0x310(%r1)
  .irp n, 8, 9, 10, 11, 12, 13, 14, 15
  ld %f\n, 8 * (\n - 8)(%r15)
  .endr
  lmg %r6, %r15, 112(%r15)
  br %r14
assay_end:
  .section .note.GNU-stack, "", @progbits
