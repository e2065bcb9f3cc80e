/* The tables of the n-gram memory and which of their rows a token reads; model/checkpoint/memory_keys.py says
 * how rows are found. */

#ifndef LITTERAGPT_NGRAMS_H
#define LITTERAGPT_NGRAMS_H

#include "model.h"

enum { MAX_ORDER = 16, MAX_WORDS = 4, MAX_TABLES = MAX_ORDER + MAX_WORDS };

/* The tables rounded to 8 bits, and what turns their rows into an addition to the embedding. */
lg_ngrams new_ngrams(lg_memory *memory, const lg_shape *shape, const lg_weights *weights);

/* Write down what the columns of a step read, find their rows, and have these fetched from memory, all
 * at the same time: hardly any is in the processor's caches. */
void look_up(const lg_columns *step, int count);

/* A row as it is stored: a float, the scale, and behind it `width` whole numbers of 8 bits. */
static inline const uint8_t *stored_row(const lg_ngrams *ngrams, int table, uint32_t row) {
    size_t place = (size_t)table * (size_t)ngrams->rows + row;
    return ngrams->stored + place * (size_t)ngrams->stride;
}

#endif
