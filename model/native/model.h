/* The layout of weights, cache and scratch memory.
 *
 * Data is laid out in groups of LANES numbers for every instruction set: rows of matrices and positions
 * of keys in blocks of 16, vectors padded with zeros to a multiple of 16.
 */

#ifndef LITTERAGPT_MODEL_H
#define LITTERAGPT_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"
#include "memory.h"

enum {
    LANES = 16,
    COLUMNS = 64, /* read together at most; more are read in turns */
    TILE = 8,     /* columns that share the weights in registers */
    ATTENDED = TILE / 2, /* columns of a text that share its cache: their weights have two digits */
    CHUNK = 64, /* positions that are contiguous in the cache */
    PIECES_A_THREAD = 4 /* so that no thread waits long for the last piece */
};

/* 1.5 · 2^23: adding it to a smaller float rounds that to an integer, which is then in the low bits of
 * the sum. */
#define ROUNDING 12582912.0f

/* Four inputs fill one 32-bit lane; loops are unrolled over sixteen. Element
 * (row, input) is byte weights[((row / 16) * inputs / 4 + input / 4) * 64 + row % 16 * 4 + input % 4],
 * biased by 128. Padding rows have scale 0. */
typedef struct {
    int blocks; /* of 16 rows */
    int inputs; /* padded to 16 */
    uint8_t *weights;
    float *scales; /* one per row */
    float *bias;   /* one per row, or NULL */
} lg_matrix;

/* What to do with a product: store it, add it to the output, apply ReLU, or join pairs of blocks to
 * silu(gate) · up. */
typedef enum { STORE, ADD, RELU, SWIGLU } lg_epilogue;

typedef struct {
    float *weight, *bias; /* without bias: RMSNorm */
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
    int tables; /* 0 without a memory */
    uint32_t orders, words;
    int rows, width; /* per table */
    int stride;      /* bytes per row */
    uint32_t *symbols, *letters; /* one per id */
    uint8_t *stored;
    lg_matrix mix;
    lg_norm norm; /* of the sum of embedding and memory */
} lg_ngrams;

/* One instruction set's version of a step, see step.inc. */
typedef void lg_step(lg_session *session, int count, const int32_t *tokens, const int32_t *slots,
                     const int32_t *positions);

struct lg_model {
    lg_shape shape;
    lg_step *step;
    int head_width;
    int width, hidden, padded_head; /* padded to 16 */
    int chunks; /* of CHUNK positions, per context */
    float *token_embedding, *position_embedding, *cosines, *sines;
    lg_ngrams ngrams;
    lg_norm norm;
    lg_matrix head;
    lg_layer *layers;
    lg_arena memory;
};

/* An id and its unnormalised probability. */
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

/* The keys and values of one head for a chunk of a text. Keys are a matrix whose rows are positions,
 * values one whose inputs are positions, both in the layout of weights, with a scale per position.
 * The next head's follow, and after the last head the next chunk. */
typedef struct {
    uint8_t *keys, *values;
    float *key_scales, *value_scales;
} lg_cache;

/* A thread's scratch memory: for attention of up to all heads, scores, their digits and sums of both;
 * for sampling, a candidate per id. */
typedef struct {
    float *scores;
    int8_t *numbers;
    int32_t *digit_sums, *totals;
    float *factors;
    lg_candidate *heap;
} lg_scratch;

struct lg_session {
    const lg_model *model;
    int slots, places, mask_count;
    float *masks;  /* (mask_count, vocabulary) */
    float *logits; /* (places, vocabulary) */
    uint8_t *keys, *values; /* an lg_cache per layer, slot, chunk and head */
    float *key_scales, *value_scales;
    int32_t *tokens;  /* with an n-gram memory: the tokens read, (slots, context); */
    uint32_t *found;  /* the row of each table per column; */
    float *recalled;  /* and their content, one vector per column */
    float *x, *normed, *attention, *mixed, *hidden, *head_out; /* one vector per column */
    lg_inputs inputs;  /* one vector per column */
    lg_inputs queries; /* one per head and column */
    lg_scratch *scratch; /* one per thread */
    lg_arena memory;
};

/* A matrix times all columns, and the destination of the products. */
typedef struct {
    const lg_matrix *matrix;
    lg_inputs inputs;
    int columns;
    lg_epilogue epilogue;
    float *out;
    int out_stride;
    int blocks_a_piece;
} lg_projection;

/* The columns of a step and the arguments of the current operation. */
typedef struct {
    lg_session *session;
    const int32_t *tokens, *slots, *positions;
    int text_count, texts[COLUMNS + 1]; /* the first column of each text, and the end */
    int heads_a_piece; /* all, or one at a time */
    const lg_layer *layer;
    int layer_index;
    lg_norm norm;
    const float *source; /* one vector of `stride` numbers per column */
    int stride;
} lg_columns;

/* A piece of attention: some heads, for columns of one text. */
typedef struct {
    const lg_columns *step;
    int slot;
    int head, heads;    /* the first, and how many */
    int first, columns; /* the same, up to ATTENDED */
    int most, chunks;   /* positions that the last column attends to, padded, and their chunks */
    lg_scratch scratch;
} lg_attention;

/* The number of positions in the chunk that begins at `begin`. */
static inline int chunk_size(const lg_attention *job, int begin) {
    return job->most - begin < CHUNK ? job->most - begin : CHUNK;
}

static inline int padded(int count) { return (count + LANES - 1) / LANES * LANES; }

#endif
