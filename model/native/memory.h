/* Arena allocation: pieces are allocated one by one and freed all at once.
 *
 * Pieces come from large regions, so that weights and caches are on pages of 2 MiB. A step reads all
 * of them, and address translation of thousands of small pages takes a good part of that time.
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

/* The header of a region. */
typedef struct lg_region {
    struct lg_region *next;
} lg_region;

typedef struct {
    lg_region *regions;
    uint8_t *rest; /* the free end of the newest region, */
    size_t left;   /* and its size */
    bool failed;   /* an allocation failed: the arena is unusable */
} lg_arena;

enum { CACHE_LINE = 64, LARGE_PAGE = 1 << 21, REGION = 1 << 26 };

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

/* Add a zeroed region of at least `size` bytes. It is large enough that calloc() maps fresh pages, so
 * pages that are never written cost nothing. */
static inline bool add_region(lg_arena *memory, size_t size) {
    size_t whole = (size > REGION ? size : REGION) + sizeof(lg_region) + LARGE_PAGE;
    lg_region *region = calloc(1, whole);
    if (region == NULL) return false;
    region->next = memory->regions;
    memory->regions = region;
    memory->rest = (uint8_t *)up_to((uintptr_t)(region + 1), LARGE_PAGE);
    memory->left = (size_t)((uint8_t *)region + whole - memory->rest);
    prefer_large_pages(memory->rest, memory->left);
    return true;
}

/* `count` zeroed elements of `size` bytes, aligned to a cache line, or NULL. */
static inline void *arena_take(lg_arena *memory, size_t count, size_t size) {
    bool possible = count <= SIZE_MAX / 2 / size;
    size_t needed = possible ? up_to(count * size, CACHE_LINE) : 0;
    if (!possible || (needed > memory->left && !add_region(memory, needed))) {
        memory->failed = true;
        return NULL;
    }
    void *piece = memory->rest;
    memory->rest += needed;
    memory->left -= needed;
    return piece;
}

static inline void arena_free(lg_arena *memory) {
    while (memory->regions != NULL) {
        lg_region *next = memory->regions->next;
        free(memory->regions);
        memory->regions = next;
    }
}

#endif
