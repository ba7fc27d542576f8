// The bodies of kernel/arch/page_copy.h.

#include "kernel/arch/x86_64/wide.inc"

    .text
    // rdi page
    .balign 16
    .globl clear_page
clear_page:
    leaq 4096(%rdi), %rdx
    cmpb $0, wide_copies(%rip)
    je 2f
    subq $32, %rsp
    vmovdqu %ymm0, (%rsp)
    vpxor %xmm0, %xmm0, %xmm0   // the upper half as well
1:  STORE_WIDE
    subq $-128, %rdi
    cmpq %rdx, %rdi
    jne 1b
    vmovdqu (%rsp), %ymm0
    addq $32, %rsp
    retq
2:  xorl %eax, %eax
3:  movq %rax, (%rdi)
    movq %rax, 8(%rdi)
    movq %rax, 16(%rdi)
    movq %rax, 24(%rdi)
    movq %rax, 32(%rdi)
    movq %rax, 40(%rdi)
    movq %rax, 48(%rdi)
    movq %rax, 56(%rdi)
    addq $64, %rdi
    cmpq %rdx, %rdi
    jne 3b
    retq

    // rdi to, rsi from
    .balign 16
    .globl copy_page
copy_page:
    cmpb $0, wide_copies(%rip)
    je 2f
    leaq 4096(%rdi), %rdx
    SAVE_WIDE
1:  COPY_WIDE
    subq $-128, %rsi
    subq $-128, %rdi
    cmpq %rdx, %rdi
    jne 1b
    RESTORE_WIDE
    retq
2:  movl $4096, %edx
    jmp memcpy
