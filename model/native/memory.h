/* Memory that is taken in pieces and given back all at once.
 *
 * Pieces are cut from large stretches, so that weights and caches lie on pages of 2 MiB: a step
 * reads all of them, and looking up thousands of small pages takes a good part of that time.
 */

#ifndef LITTERAGPT_MEMORY_H
#define LITTERAGPT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

/* Stands at the beginning of a stretch. */
typedef struct lg_stretch {
    struct lg_stretch *next;
} lg_stretch;

typedef struct {
    lg_stretch *stretches;
    uint8_t *rest; /* what the newest stretch has left, */
    size_t left;   /* and how much that is */
    bool failed;   /* there was no memory for some piece: the whole is useless */
} lg_memory;

enum { CACHE_LINE = 64, LARGE_PAGE = 1 << 21, STRETCH = 1 << 26 };

static inline uintptr_t up_to(uintptr_t place, uintptr_t unit) {
    return (place + unit - 1) / unit * unit;
}

static inline void prefer_large_pages(void *memory, size_t size) {
#if defined(MADV_HUGEPAGE)
    madvise(memory, size / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)size;
#endif
}

/* A new stretch of zeros with room for `size` bytes. It is so large that calloc() asks the system
 * for it, and pages that are never written cost nothing. */
static inline bool stretch_out(lg_memory *memory, size_t size) {
    size_t whole = (size > STRETCH ? size : STRETCH) + sizeof(lg_stretch) + LARGE_PAGE;
    lg_stretch *stretch = calloc(1, whole);
    if (stretch == NULL) return false;
    stretch->next = memory->stretches;
    memory->stretches = stretch;
    memory->rest = (uint8_t *)up_to((uintptr_t)(stretch + 1), LARGE_PAGE);
    memory->left = (size_t)((uint8_t *)stretch + whole - memory->rest);
    prefer_large_pages(memory->rest, memory->left);
    return true;
}

/* `count` zeroed things of `size` bytes that begin on a cache line, or NULL. */
static inline void *take(lg_memory *memory, size_t count, size_t size) {
    bool possible = count <= SIZE_MAX / 2 / size;
    size_t needed = possible ? up_to(count * size, CACHE_LINE) : 0;
    if (!possible || (needed > memory->left && !stretch_out(memory, needed))) {
        memory->failed = true;
        return NULL;
    }
    void *piece = memory->rest;
    memory->rest += needed;
    memory->left -= needed;
    return piece;
}

static inline void give_back(lg_memory *memory) {
    while (memory->stretches != NULL) {
        lg_stretch *next = memory->stretches->next;
        free(memory->stretches);
        memory->stretches = next;
    }
}

#endif
