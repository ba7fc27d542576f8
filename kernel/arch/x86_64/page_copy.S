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
    SAVE_AND_ZERO_WIDE
1:  STORE_WIDE 0
    STORE_WIDE 128
    addq $256, %rdi
    cmpq %rdx, %rdi
    jne 1b
    RESTORE_ZEROED_WIDE
    retq
2:  xorl %eax, %eax
3:  STORE_64
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
    SAVE_WIDE
    addq $4096, %rsi
    addq $4096, %rdi
    movq $-4096, %rax
1:  COPY_WIDE
    addq $WIDE_BYTES, %rax
    jnz 1b
    RESTORE_WIDE
    retq
2:  movl $4096, %edx
    jmp memcpy
