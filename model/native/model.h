/* The layout of weights, cache and working memory, shared by the files of the kernel.
 *
 * LANES numbers are kept side by side everywhere, whatever the processor's vectors hold: rows of
 * matrices in blocks of 16, positions of keys in blocks of 16, vectors padded with zeros to 16.
 */

#ifndef LITTERAGPT_MODEL_H
#define LITTERAGPT_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"
#include "memory.h"

enum {
    LANES = 16,
    COLUMNS = 64, /* at most so many are read together; more are read in turns */
    TILE = 8,     /* of these, so many share the weights in the registers */
    ATTENDED = TILE / 2, /* and so many of one text what it holds, for weights of two digits */
    CHUNK = 64, /* positions that lie together in the cache */
    PIECES_A_THREAD = 4 /* small enough that nobody waits long for the last */
};

/* 1.5 · 2^23: adding it to a smaller float rounds that to a whole number, which is then in the low
 * bits of the sum. */
#define ROUNDING 12582912.0f

/* Inputs go four at a time into one 32-bit lane, and sixteen at a time are unrolled. Element
 * (row, input) is byte weights[((row / 16) * inputs / 4 + input / 4) * 64 + row % 16 * 4 + input % 4],
 * biased by 128. Padding rows have scale 0. */
typedef struct {
    int blocks; /* of 16 rows */
    int inputs; /* padded to 16 */
    uint8_t *weights;
    float *scales; /* one a row */
    float *bias;   /* one a row, or NULL */
} lg_matrix;

/* What becomes of a product: it is stored, added to what is there, or first passed through ReLU;
 * pairs of blocks are joined to silu(gate) · up. */
typedef enum { STORE, ADD, RELU, SWIGLU } lg_ending;

typedef struct {
    float *weight, *bias; /* no bias: RMSNorm */
} lg_norm;

typedef struct {
    lg_norm attention_norm, feed_forward_norm;
    float *query_norm, *key_norm;
    lg_matrix attention_in; /* query, key and value, each padded to 16 rows */
    lg_matrix attention_out;
    lg_matrix feed_forward_in; /* SwiGLU: 16 rows of gate and 16 of up in turn */
    lg_matrix feed_forward_out;
} lg_layer;

/* The n-gram memory, see ngrams.h. `orders` and `words` have bit n − 1 set for order n. */
typedef struct {
    int tables; /* 0 where there is no memory */
    uint32_t orders, words;
    int rows, width; /* of each table */
    int stride;      /* bytes from a row to the next */
    uint32_t *symbols, *letters; /* one an id */
    uint8_t *stored;
    lg_matrix mix;
    lg_norm norm; /* of the sum of embedding and memory */
} lg_ngrams;

/* One instruction set's version of a step, see step.h. */
typedef void lg_step(lg_session *session, int count, const int32_t *tokens, const int32_t *rows,
                     const int32_t *positions);

struct lg_model {
    lg_shape shape;
    lg_step *step;
    int head_width; /* as it is, */
    int width, hidden, padded_head; /* and padded to 16 */
    int chunks; /* of CHUNK positions in a context */
    float *token_embedding, *position_embedding, *cosines, *sines;
    lg_ngrams ngrams;
    lg_norm norm;
    lg_matrix head;
    lg_layer *layers;
    lg_memory memory;
};

/* An id that may be drawn, and a share of the probability. */
typedef struct {
    float probability;
    int32_t id;
} lg_candidate;

/* Vectors rounded to 8 bits: value = scale · number. `sums` are those of the numbers. */
typedef struct {
    int8_t *numbers;
    float *scales;
    int32_t *sums;
} lg_inputs;

/* What one head has read of a chunk of a text. Keys are a matrix whose rows are positions, values
 * one whose inputs are positions, both laid out as the weights are; every position has a scale of
 * each. Behind it lies what the next head has of the chunk, and behind the last the next chunk. */
typedef struct {
    uint8_t *keys, *values;
    float *key_scales, *value_scales;
} lg_cache;

/* Where one thread attends with up to all heads: scores, their digits, and sums of both. And where
 * it draws: a candidate for every id. */
typedef struct {
    float *scores;
    int8_t *numbers;
    int32_t *digit_sums, *totals;
    float *factors;
    lg_candidate *heap;
} lg_scratch;

struct lg_session {
    const lg_model *model;
    int rows, places, mask_count;
    float *masks;  /* (mask_count, vocabulary) */
    float *logits; /* (places, vocabulary) */
    uint8_t *keys, *values; /* an lg_cache for every layer, row, chunk and head */
    float *key_scales, *value_scales;
    int32_t *tokens;  /* with a memory: what was read, (rows, context), */
    uint32_t *found;  /* the row of each table for each column, */
    float *recalled;  /* and what they hold, one vector a column */
    float *x, *normed, *attention, *mixed, *hidden, *head_out; /* one vector a column */
    lg_inputs inputs;  /* one vector a column */
    lg_inputs queries; /* one a head and column */
    lg_scratch *scratch; /* one a thread */
    lg_memory memory;
};

/* A matrix times all columns, and where the products go. */
typedef struct {
    const lg_matrix *matrix;
    lg_inputs inputs;
    int columns;
    lg_ending ending;
    float *out;
    int out_stride;
    int blocks_a_piece;
} lg_projection;

/* The columns of a step and what is being done to them. */
typedef struct {
    lg_session *session;
    const int32_t *tokens, *rows, *positions;
    int text_count, texts[COLUMNS + 1]; /* the first column of each text, and behind the last */
    int heads_a_piece; /* all, or one at a time */
    const lg_layer *layer;
    int layer_index;
    lg_norm norm;
    const float *source; /* one vector of `stride` numbers a column */
    int stride;
} lg_columns;

/* Heads that one thread attends with, for columns of one text. */
typedef struct {
    const lg_columns *step;
    int row;
    int head, heads;    /* the first, and how many */
    int first, columns; /* the same, up to ATTENDED */
    int most, chunks;   /* positions that the last column sees, padded, and chunks of them */
    lg_scratch scratch;
} lg_attention;

/* How many positions the chunk that begins at `begin` has. */
static inline int chunk_size(const lg_attention *job, int begin) {
    return job->most - begin < CHUNK ? job->most - begin : CHUNK;
}

static inline int padded(int count) { return (count + LANES - 1) / LANES * LANES; }

#endif
