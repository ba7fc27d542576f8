// Whole pages, cleared and copied: most of what a page fault costs. For frames in the direct map;
// aligned, not overlapping. Any context, once the CPU is initialised.
#pragma once

extern "C" {
void clear_page(void* page);
void copy_page(void* to, const void* from);
}
