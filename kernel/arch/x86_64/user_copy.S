// The bodies of kernel/arch/user_copy.h. Ranges of instructions that touch a program's memory have an
// entry in .exception_table: from, to, where to go on if one faults, and whether the fault may be
// resolved first (user_copy.cpp). Copies go by WIDE_BYTES if they are long (wide.inc), by 64, then by
// words, then once more by the last word, which may overlap what was copied; a fault goes on more
// finely, at last bytewise, to end at the very byte. A wide step that faults is done by words, which
// brings the page, and what follows is wide again.
//
// No REP MOVSB: it is slower where it is emulated, and below some hundred bytes everywhere.

#include "kernel/arch/x86_64/smap.inc"
#include "kernel/arch/x86_64/wide.inc"

// Shorter ones are not worth saving registers.
#define LEAST_WIDE 256

    .macro MAY_FAULT
772:
    .endm
    .macro EXCEPTION_ENTRY to, resolve
773:
    .pushsection .exception_table, "a"
    .quad 772b, 773b, \to, \resolve
    .popsection
    .endm
    .macro RESUME_AT to
    EXCEPTION_ENTRY \to, 1
    .endm
    .macro WIDE_RESUME_AT to
    EXCEPTION_ENTRY \to, 0
    .endm

    .text
    // rdi to, rsi from, rdx bytes -> rax bytes not copied
    .balign 16
    .globl user_copy
user_copy:
    SMAP stac
    cmpq $LEAST_WIDE, %rdx
    jae 11f
10: cmpq $8, %rdx
    jb 7f
    subq $64, %rdx
    jb 2f
1:  MAY_FAULT
    movq (%rsi), %rax
    movq 8(%rsi), %rcx
    movq 16(%rsi), %r8
    movq 24(%rsi), %r9
    movq %rax, (%rdi)
    movq %rcx, 8(%rdi)
    movq %r8, 16(%rdi)
    movq %r9, 24(%rdi)
    movq 32(%rsi), %rax
    movq 40(%rsi), %rcx
    movq 48(%rsi), %r8
    movq 56(%rsi), %r9
    movq %rax, 32(%rdi)
    movq %rcx, 40(%rdi)
    movq %r8, 48(%rdi)
    movq %r9, 56(%rdi)
    RESUME_AT 5f
    addq $64, %rsi
    addq $64, %rdi
    subq $64, %rdx
    jae 1b
2:  addq $56, %rdx              // what is left, less a word
    jnc 4f
3:  MAY_FAULT
    movq (%rsi), %rax
    movq %rax, (%rdi)
    RESUME_AT 6f
    addq $8, %rsi
    addq $8, %rdi
    subq $8, %rdx
    jae 3b
4:  addq $8, %rdx
    jz 9f
    MAY_FAULT
    movq -8(%rsi,%rdx), %rax
    movq %rax, -8(%rdi,%rdx)
    RESUME_AT 7f
    xorl %edx, %edx
    jmp 9f
5:  addq $56, %rdx
6:  addq $8, %rdx
7:  testq %rdx, %rdx
    jz 9f
8:  MAY_FAULT
    movb (%rsi), %al
    movb %al, (%rdi)
    RESUME_AT 9f
    incq %rsi
    incq %rdi
    decq %rdx
    jnz 8b
9:  SMAP clac
    movq %rdx, %rax
    retq
11: cmpb $0, wide_copies(%rip)
    je 10b
    SAVE_WIDE
    movq %rdx, %rax
    andq $-WIDE_BYTES, %rax
    addq %rax, %rsi
    addq %rax, %rdi
    subq %rax, %rdx
    negq %rax
12: MAY_FAULT
    COPY_WIDE
    WIDE_RESUME_AT 13f
    addq $WIDE_BYTES, %rax
    jnz 12b
    RESTORE_WIDE
    jmp 10b
13: RESTORE_WIDE
    addq %rax, %rsi
    addq %rax, %rdi
    subq %rax, %rdx
    movl $WIDE_BYTES/8, %ecx
14: MAY_FAULT
    movq (%rsi), %rax
    movq %rax, (%rdi)
    RESUME_AT 7b
    addq $8, %rsi
    addq $8, %rdi
    subq $8, %rdx
    decl %ecx
    jnz 14b
    cmpq $LEAST_WIDE, %rdx
    jae 11b
    jmp 10b

    // rdi to, rsi bytes -> rax bytes not cleared
    .balign 16
    .globl user_clear
user_clear:
    SMAP stac
    xorl %eax, %eax
    cmpq $LEAST_WIDE, %rsi
    jae 11f
10: subq $64, %rsi
    jb 2f
1:  MAY_FAULT
    STORE_64
    RESUME_AT 2f
    addq $64, %rdi
    subq $64, %rsi
    jae 1b
2:  addq $64, %rsi
    jz 4f
3:  MAY_FAULT
    movb %al, (%rdi)
    RESUME_AT 4f
    incq %rdi
    decq %rsi
    jnz 3b
4:  SMAP clac
    movq %rsi, %rax
    retq
11: cmpb $0, wide_copies(%rip)
    je 10b
    SAVE_AND_ZERO_WIDE
    addq $-128, %rsi
12: MAY_FAULT
    STORE_WIDE
    WIDE_RESUME_AT 13f
    subq $-128, %rdi
    subq $128, %rsi
    jae 12b
13: RESTORE_ZEROED_WIDE
    subq $-128, %rsi
    jmp 10b

    // rdi to, rsi from, rdx capacity -> rax length, capacity, or -1. By words where one lies within
    // a page, so that no page beyond the string is touched.
    .balign 16
    .globl user_string
user_string:
    SMAP stac
    xorl %eax, %eax
    movabsq $0x0101010101010101, %r8
    movabsq $0x8080808080808080, %r9
1:  leaq 8(%rax), %rcx
    cmpq %rdx, %rcx
    ja 2f
    leal (%rsi,%rax), %ecx
    andl $0xfff, %ecx
    cmpl $0xff8, %ecx
    ja 2f
    MAY_FAULT
    movq (%rsi,%rax), %rcx
    RESUME_AT 5f
    movq %rcx, (%rdi,%rax)
    movq %rcx, %r10             // a byte of (x - 0x01..) & ~x & 0x80.. is set, the lowest one rightly,
    subq %r8, %rcx              // where x has a zero
    notq %r10
    andq %r9, %rcx
    andq %r10, %rcx
    jnz 4f
    addq $8, %rax
    jmp 1b
2:  cmpq %rdx, %rax
    je 6f
    MAY_FAULT
    movb (%rsi,%rax), %cl
    RESUME_AT 5f
    movb %cl, (%rdi,%rax)
    testb %cl, %cl
    jz 6f
    incq %rax
    testb $7, %al
    jnz 2b
    jmp 1b
4:  bsfq %rcx, %rcx
    shrl $3, %ecx
    addq %rcx, %rax
    jmp 6f
5:  movq $-1, %rax
6:  SMAP clac
    retq

    // rdi word, esi expected, edx desired, rcx where to put what was seen -> al: no fault
    .balign 16
    .globl user_compare_exchange
user_compare_exchange:
    SMAP stac
    movl %esi, %eax
    MAY_FAULT
    lock cmpxchgl %edx, (%rdi)
    RESUME_AT 2f
    SMAP clac
    movl %eax, (%rcx)
    movb $1, %al
    retq
2:  SMAP clac
    xorl %eax, %eax
    retq
