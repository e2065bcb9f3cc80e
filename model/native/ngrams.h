/* The tables of the n-gram memory and the rows that a token reads; model/checkpoint/memory_keys.py
 * defines the keys. */

#ifndef LITTERAGPT_NGRAMS_H
#define LITTERAGPT_NGRAMS_H

#include "model.h"

enum { MAX_ORDER = 16, MAX_WORDS = 4, MAX_TABLES = MAX_ORDER + MAX_WORDS };

/* The tables, rounded to 8 bits, and the projection of their rows to the embedding's width. */
lg_ngrams new_ngrams(lg_arena *memory, const lg_shape *shape, const lg_weights *weights);

/* Store the tokens of a step's columns, find their rows and prefetch all of them together: hardly any
 * is in the processor's caches. */
void look_up(const lg_columns *step, int count);

/* A stored row: the scale, a float, followed by `width` 8-bit integers. */
static inline const uint8_t *stored_row(const lg_ngrams *ngrams, int table, uint32_t row) {
    size_t place = (size_t)table * (size_t)ngrams->rows + row;
    return ngrams->stored + place * (size_t)ngrams->stride;
}

#endif
