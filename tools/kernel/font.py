#!/usr/bin/env python3
"""The console's font out of a PSF font: font.py FONT.psf.gz OUT. Writes the glyphs of the 256
characters of Latin-1, 8 pixels wide, 16 lines of a byte each (the formats: psf(5) of kbd)."""

import gzip
import struct
import sys

HEIGHT = 16


def read_psf(data):
    """(glyphs, {code point: number of its glyph})"""
    if data[:2] == b"\x36\x04":  # PSF 1
        mode, height = data[2], data[3]
        count, start, size = 512 if mode & 1 else 256, 4, height
        table, end, sequence, wide = data[4 + count * size:], 0xFFFF, 0xFFFE, True
    elif data[:4] == b"\x72\xb5\x4a\x86":  # PSF 2
        _, start, flags, count, size, height, width = struct.unpack_from("<7I", data, 4)
        if width != 8 or not flags & 1:
            sys.exit("font.py: want a font 8 pixels wide, with a Unicode table")
        table, end, sequence, wide = data[start + count * size:], 0xFF, 0xFE, False
    else:
        sys.exit("font.py: not a PSF font")
    if height != HEIGHT:
        sys.exit(f"font.py: want {HEIGHT} lines, this font has {height}")
    glyphs = [data[start + i * size:start + (i + 1) * size] for i in range(count)]
    numbers, glyph, at = {}, 0, 0
    while at < len(table) and glyph < count:
        if wide:
            (value,) = struct.unpack_from("<H", table, at)
            at += 2
        else:
            value = table[at]
            length = 1 if value < 0x80 or value >= 0xFE else 2 if value < 0xE0 else 3 if value < 0xF0 else 4
            if value < 0xFE:
                value = ord(table[at:at + length].decode())
            at += length
        if value == end:
            glyph += 1
        elif value != sequence:
            numbers.setdefault(value, glyph)
    return glyphs, numbers


def main():
    try:
        with gzip.open(sys.argv[1]) as file:
            glyphs, numbers = read_psf(file.read())
    except FileNotFoundError:
        sys.exit(f"font.py: no {sys.argv[1]}: ./exo setup unpacks it")
    unknown = glyphs[numbers[ord("?")]]
    out = bytearray()
    for code in range(256):
        blank = code < 32 or 127 <= code <= 160
        out += bytes(HEIGHT) if blank else glyphs[numbers[code]] if code in numbers else unknown
    with open(sys.argv[2], "wb") as file:
        file.write(out)


if __name__ == "__main__":
    main()
