// The bodies of kernel/arch/user_copy.h. Every instruction that touches a program's memory has an
// entry in .exception_table: where it is, and where to go on if it faults (exceptions.cpp). Eight
// words at a time; a fault there goes on bytewise, to end at the very byte.

#include "kernel/arch/x86_64/smap.inc"

    .macro FAULTS to instruction:vararg
772:\instruction
    .pushsection .exception_table, "a"
    .quad 772b, \to
    .popsection
    .endm

    .text
    // rdi to, rsi from, rdx bytes -> rax bytes not copied
    .balign 16
    .globl user_copy
user_copy:
    SMAP stac
    movq %rdx, %rcx
    shrq $5, %rcx
    jz 2f
1:  FAULTS 2f, movq (%rsi), %rax
    FAULTS 2f, movq 8(%rsi), %r8
    FAULTS 2f, movq 16(%rsi), %r9
    FAULTS 2f, movq 24(%rsi), %r10
    FAULTS 2f, movq %rax, (%rdi)
    FAULTS 2f, movq %r8, 8(%rdi)
    FAULTS 2f, movq %r9, 16(%rdi)
    FAULTS 2f, movq %r10, 24(%rdi)
    addq $32, %rsi
    addq $32, %rdi
    subq $32, %rdx
    decq %rcx
    jnz 1b
2:  testq %rdx, %rdx
    jz 4f
3:  FAULTS 4f, movb (%rsi), %al
    FAULTS 4f, movb %al, (%rdi)
    incq %rsi
    incq %rdi
    decq %rdx
    jnz 3b
4:  SMAP clac
    movq %rdx, %rax
    retq

    // rdi to, rsi bytes -> rax bytes not cleared
    .balign 16
    .globl user_clear
user_clear:
    SMAP stac
    xorl %eax, %eax
    movq %rsi, %rcx
    shrq $5, %rcx
    jz 2f
1:  FAULTS 2f, movq %rax, (%rdi)
    FAULTS 2f, movq %rax, 8(%rdi)
    FAULTS 2f, movq %rax, 16(%rdi)
    FAULTS 2f, movq %rax, 24(%rdi)
    addq $32, %rdi
    subq $32, %rsi
    decq %rcx
    jnz 1b
2:  testq %rsi, %rsi
    jz 4f
3:  FAULTS 4f, movb %al, (%rdi)
    incq %rdi
    decq %rsi
    jnz 3b
4:  SMAP clac
    movq %rsi, %rax
    retq

    // rdi to, rsi from, rdx capacity -> rax length, capacity, or -1
    .balign 16
    .globl user_string
user_string:
    SMAP stac
    xorl %eax, %eax
1:  cmpq %rdx, %rax
    je 2f
    FAULTS 3f, movb (%rsi,%rax), %cl
    movb %cl, (%rdi,%rax)
    testb %cl, %cl
    jz 2f
    incq %rax
    jmp 1b
2:  SMAP clac
    retq
3:  SMAP clac
    movq $-1, %rax
    retq

    // rdi word, esi expected, edx desired, rcx where to put what was seen -> al: no fault
    .balign 16
    .globl user_compare_exchange
user_compare_exchange:
    SMAP stac
    movl %esi, %eax
    FAULTS 2f, lock cmpxchgl %edx, (%rdi)
    SMAP clac
    movl %eax, (%rcx)
    movb $1, %al
    retq
2:  SMAP clac
    xorl %eax, %eax
    retq
