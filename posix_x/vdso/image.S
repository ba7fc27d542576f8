// The vDSO, linked by itself, as bytes of the kernel.
    .section .rodata
    .balign 4096
    .globl vdso_image_start
    .globl vdso_image_end
vdso_image_start:
    .incbin "vdso.so"
vdso_image_end:
