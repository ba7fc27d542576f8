// The way in: QEMU, Firecracker and Cloud Hypervisor jump to the address in the PVH note, in 32-bit
// protected mode, paging off, EBX the physical address of an hvm_start_info (Xen, docs/misc/pvh.pandoc).
// From there to long mode with the first 4 GiB mapped three times: as they are (to get across),
// at the direct map, and, the first GiB, where the kernel is linked. The final tables are made by
// paging.cpp; these are writable and executable everywhere and live for a few milliseconds.

#define PRESENT_WRITE 0x3
#define LARGE 0x80

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18              // name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start

    .section .boot.text, "ax"
    .code32
    .globl pvh_start
pvh_start:
    cld
    movl %ebx, start_info

    // Four page directories of 2 MiB pages: 0 to 4 GiB.
    movl $boot_directories, %edi
    movl $(PRESENT_WRITE | LARGE), %eax
    xorl %edx, %edx
    movl $2048, %ecx
1:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b

    movl $(boot_directories + PRESENT_WRITE), %eax
    movl %eax, boot_pdpt_low
    movl %eax, boot_pdpt_high + 510 * 8
    addl $0x1000, %eax
    movl %eax, boot_pdpt_low + 8
    movl %eax, boot_pdpt_high + 511 * 8
    addl $0x1000, %eax
    movl %eax, boot_pdpt_low + 16
    addl $0x1000, %eax
    movl %eax, boot_pdpt_low + 24

    movl $(boot_pdpt_low + PRESENT_WRITE), boot_pml4
    movl $(boot_pdpt_low + PRESENT_WRITE), boot_pml4 + 256 * 8
    movl $(boot_pdpt_high + PRESENT_WRITE), boot_pml4 + 511 * 8

    movl %cr4, %eax
    orl $0x20, %eax             // PAE
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx      // EFER
    rdmsr
    orl $0x900, %eax            // LME, NXE
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax       // PG, WP, PE
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $8, $2f

    .code64
2:  xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movl start_info, %edi
    movabsq $3f, %rax
    jmpq *%rax

    .section .text.boot, "ax"
3:  movabsq $boot_stack_end, %rsp
    xorl %ebp, %ebp
    callq kernel_main
    ud2

    .section .boot.data, "aw"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff    // 64-bit code, ring 0
boot_gdt_pointer:
    .word boot_gdt_pointer - boot_gdt - 1
    .long boot_gdt
start_info:
    .long 0

    .section .boot.bss, "aw", @nobits
    .balign 4096
    .globl boot_pml4
boot_pml4:        .skip 4096
boot_pdpt_low:    .skip 4096
boot_pdpt_high:   .skip 4096
boot_directories: .skip 4 * 4096

    .section .bss.boot_stack, "aw", @nobits
    .balign 4096
boot_stack:       .skip 16384
boot_stack_end:
