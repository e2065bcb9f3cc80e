/* Memory that is taken in pieces and given back all at once. */

#ifndef LITTERAGPT_MEMORY_H
#define LITTERAGPT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

typedef struct lg_piece {
    struct lg_piece *next;
} lg_piece;

typedef struct {
    lg_piece *pieces;
    bool failed; /* there was no memory for some piece: the whole is useless */
} lg_memory;

enum { CACHE_LINE = 64 };

/* Ask for pages of 2 MiB where a piece is larger: looking up thousands of small ones takes a good part
 * of the time that reading them does. */
static inline void prefer_large_pages(void *memory, size_t size) {
#if defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t)1 << 21;
    uintptr_t begin = ((uintptr_t)memory + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)memory + size) / page * page;
    if (begin < end) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)size;
#endif
}

/* `count` zeroed things of `size` bytes that begin on a cache line, or NULL. Pages that are never
 * written cost nothing. */
static inline void *take(lg_memory *memory, size_t count, size_t size) {
    lg_piece *piece = NULL;
    if (count <= (SIZE_MAX - 2 * CACHE_LINE) / size)
        piece = calloc(1, count * size + 2 * CACHE_LINE);
    if (piece == NULL) {
        memory->failed = true;
        return NULL;
    }
    prefer_large_pages(piece, count * size);
    piece->next = memory->pieces;
    memory->pieces = piece;
    uintptr_t behind = (uintptr_t)(piece + 1);
    return (void *)((behind + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

static inline void give_back(lg_memory *memory) {
    while (memory->pieces != NULL) {
        lg_piece *next = memory->pieces->next;
        free(memory->pieces);
        memory->pieces = next;
    }
}

#endif
