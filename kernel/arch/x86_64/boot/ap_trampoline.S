// Where a CPU starts after INIT and STARTUP: real mode, CS = page << 8, IP = 0. This is copied to a page
// below 1 MiB (smp.cpp), so nothing here has a fixed address: DS is made equal to CS, and EBX holds the
// page's linear address. By way of the boot tables, which map the page where it is, to long mode.

#define OFFSET(symbol) (symbol - ap_trampoline)

    .section .rodata
    .balign 16
    .globl ap_trampoline
    .globl ap_trampoline_mailbox
    .globl ap_trampoline_end
    .code16
ap_trampoline:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    xorl %ebx, %ebx
    movw %ax, %bx
    shll $4, %ebx

    // The GDT pointer and the far pointers need linear addresses.
    leal OFFSET(gdt)(%ebx), %eax
    movl %eax, OFFSET(gdt_pointer) + 2
    leal OFFSET(long_mode)(%ebx), %eax
    movl %eax, OFFSET(long_mode_pointer)
    lgdtl OFFSET(gdt_pointer)

    movl %cr4, %eax
    orl $0x20, %eax             // PAE
    movl %eax, %cr4
    movl OFFSET(mailbox_boot_tables), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx      // EFER
    rdmsr
    orl $0x900, %eax            // LME, NXE
    wrmsr
    movl %cr0, %eax
    andl $0x9fffffff, %eax      // caches on: CD and NW clear
    orl $0x80010001, %eax       // PG, WP, PE
    movl %eax, %cr0
    ljmpl *OFFSET(long_mode_pointer)

    .code64
long_mode:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movl %ebx, %ebx
    movq OFFSET(mailbox_tables)(%rbx), %rsi
    movq OFFSET(mailbox_stack)(%rbx), %rdx
    movq OFFSET(mailbox_entry)(%rbx), %rcx
    movq OFFSET(mailbox_argument)(%rbx), %rdi
    movabsq $ap_start, %rax
    jmpq *%rax

    .balign 8
gdt:
    .quad 0
    .quad 0x00af9a000000ffff    // 64-bit code, ring 0
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long 0
    .balign 4
long_mode_pointer:
    .long 0
    .word 8

    // struct Mailbox of smp.cpp.
    .balign 8
ap_trampoline_mailbox:
mailbox_boot_tables: .quad 0
mailbox_tables:      .quad 0
mailbox_stack:       .quad 0
mailbox_entry:       .quad 0
mailbox_argument:    .quad 0
ap_trampoline_end:

    // In the image, where both tables agree: from the boot tables to the kernel's, then its stack.
    .text
ap_start:
    movq %rsi, %cr3
    movq %rdx, %rsp
    xorl %ebp, %ebp
    callq *%rcx
    ud2
