// One stub a vector. Each leaves a TrapFrame (kernel/arch/trap_frame.h) and calls trap_dispatch.

    .text
    .macro STUB vector
    .balign 16
trap_stub_\vector:
    // Vectors for which the CPU itself pushes an error code (Intel SDM vol. 3A table 6-1).
    .if !(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30)
    pushq $0
    .endif
    pushq $\vector
    jmp trap_common
    .endm

    .altmacro
    .set vector, 0
    .rept 256
    STUB %vector
    .set vector, vector + 1
    .endr

    .balign 16
trap_common:
    testb $3, 24(%rsp)          // CS of the interrupted code
    jz 1f
    swapgs
1:  pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    callq trap_dispatch
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    testb $3, 24(%rsp)
    jz 1f
    swapgs
1:  addq $16, %rsp              // vector and error code
    iretq

    .section .rodata
    .balign 8
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .macro ADDRESS vector
    .quad trap_stub_\vector
    .endm
    .rept 256
    ADDRESS %vector
    .set vector, vector + 1
    .endr
