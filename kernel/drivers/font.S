// The screen's font, as tools/kernel/font.py makes it.
    .section .rodata, "a"
    .globl screen_font
    .type screen_font, @object
screen_font:
    .incbin "font.bin"
    .size screen_font, . - screen_font
