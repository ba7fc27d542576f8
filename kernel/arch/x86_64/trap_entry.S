// The ways in and out: one stub a vector, SYSCALL, and the return to what was interrupted. All leave
// an arch::TrapFrame (kernel/arch/trap_frame.h) on the stack. Offsets of CpuLocal: cpu_local.h.

#define CPU_KERNEL_STACK 16
#define CPU_USER_RSP 24
#define CPU_FAST_CALL_NUMBERS 32
#define CPU_FAST_CALL_COUNTS 40
#define USER_DATA 0x1b
#define USER_CODE 0x23
#define GS_BASE_MSR 0xc0000101
#define TRAP_FLAG 0x100

#include "kernel/arch/x86_64/smap.inc"

    .macro PUSH_AFTER_RDI
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .endm

    .macro POP_BEFORE_RDI
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    .endm

    .text
    .macro STUB vector
    .balign 16
trap_stub_\vector:
    // Vectors for which the CPU itself pushes an error code (Intel SDM vol. 3A table 6-1).
    .if !(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30)
    pushq $0
    .endif
    pushq %rdi
    movl $\vector, %edi
    .if \vector == 1 || \vector == 2 || \vector == 8 || \vector == 18
    jmp trap_anywhere
    .else
    jmp trap_common
    .endif
    .endm

    .altmacro
    .set vector, 0
    .rept 256
    STUB %vector
    .set vector, vector + 1
    .endr

    .balign 16
trap_common:
    SMAP clac                   // the program's AC flag does not open its memory to the kernel
    testb $3, 24(%rsp)          // CS of the interrupted code
    jz 1f
    swapgs
1:  PUSH_AFTER_RDI
    cld
    movq %rsp, %rsi
    callq trap_dispatch

    .globl trap_return
trap_return:
    POP_BEFORE_RDI
    popq %rdi
    testb $3, 16(%rsp)          // orig_rax, rip, then cs
    jz 1f
    swapgs
1:  addq $8, %rsp
    iretq

    // Vectors that come even between SYSCALL and SWAPGS: whose GS it is tells only its base. The
    // kernel's is in the upper half; whether it was swapped is kept in RBX.
trap_anywhere:
    SMAP clac
    PUSH_AFTER_RDI
    cld
    movl %edi, %r12d
    xorl %ebx, %ebx
    movl $GS_BASE_MSR, %ecx
    rdmsr
    testl %edx, %edx
    js 1f
    swapgs
    movl $1, %ebx
1:  movl %r12d, %edi
    movq %rsp, %rsi
    callq trap_dispatch
    testl %ebx, %ebx
    jz 1f
    swapgs
1:  POP_BEFORE_RDI
    popq %rdi
    addq $8, %rsp
    iretq

    // SYSCALL (SDM vol. 2B): RIP in RCX, RFLAGS in R11, stack and GS still the program's, interrupts
    // and AC off by IA32_FMASK.
    //
    // A fast call (upcalls.h) saves what it uses but R11 and RAX, and leaves nothing to do on the way
    // out: what return_to_user() would look at was done when the program was entered, and what comes
    // meanwhile comes with an interrupt, which waits until SYSRET. RCX, the address behind a SYSCALL
    // below kUserEnd, is canonical; a program that steps (TF) goes back by IRET.
    .balign 64
    .globl syscall_entry
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_USER_RSP
    movq %gs:CPU_KERNEL_STACK, %rsp
    testl $TRAP_FLAG, %r11d
    jnz 1f
    cmpq %gs:CPU_FAST_CALL_NUMBERS, %rax
    jae 1f
    cmpq $0, fast_calls(,%rax,8)
    je 1f
    pushq %r11
    movq %gs:CPU_FAST_CALL_COUNTS, %r11
    incq (%r11,%rax,8)
    callq *fast_calls(,%rax,8)
    popq %r11
    movq %gs:CPU_USER_RSP, %rsp
    swapgs
    sysretq
1:  pushq $USER_DATA
    pushq %gs:CPU_USER_RSP
    pushq %r11
    pushq $USER_CODE
    pushq %rcx
    pushq %rax                  // orig_rax
    pushq %rdi
    PUSH_AFTER_RDI
    movq %rsp, %rdi
    callq syscall_dispatch      // false: the frame is not one that SYSRET can load
    testb %al, %al
    jz trap_return
    POP_BEFORE_RDI
    popq %rdi
    movq 32(%rsp), %rsp         // orig_rax, rip, cs, rflags, then rsp
    swapgs
    sysretq

    .globl enter_user_frame
enter_user_frame:
    movq %rdi, %rsp
    jmp trap_return

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
