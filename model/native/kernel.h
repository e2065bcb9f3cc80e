/* The decoder for the CPU as a library, called from Python through ctypes (model/native/library.py).
 *
 * Matrices are 8-bit integers with one scale per row; their inputs, and the keys and values of
 * attention, are rounded to 8 bits with one scale per vector. So the sums of all products are exact.
 * All other arithmetic is float32, in an order that does not depend on the instruction set, the number
 * of threads or the columns read together. Equal texts have bit-identical logits.
 *
 * A column is one token of one text: its id, its slot in the KV cache and its position there.
 */

#ifndef LITTERAGPT_KERNEL_H
#define LITTERAGPT_KERNEL_H

#include <stdint.h>

typedef struct lg_model lg_model;
typedef struct lg_session lg_session;

typedef struct {
    int32_t modern; /* RMSNorm, RoPE, QK-norm, SwiGLU; else LayerNorm, learned positions, ReLU */
    int32_t vocabulary, context, width, layers, heads, feed_forward;
    int32_t final_norm;
    float attention_scale;
    /* The n-gram memory, all 0 without one. Bit n − 1 of the first two is order n. */
    int32_t memory_orders, memory_words;
    int32_t memory_rows, memory_width; /* per table */
} lg_shape;

/* Row-major float32; NULL for tensors that the family lacks. */
typedef struct {
    const float *attention_norm, *attention_norm_bias;
    const float *query, *key, *value; /* (width, width) */
    const float *query_norm, *key_norm;
    const float *out, *out_bias;
    const float *feed_forward_norm, *feed_forward_norm_bias;
    const float *gate, *up, *up_bias; /* (feed_forward, width) */
    const float *down, *down_bias;    /* (width, feed_forward) */
} lg_layer_weights;

typedef struct {
    const float *token_embedding;    /* (vocabulary, width) */
    const float *position_embedding; /* (context, width), `reference` only */
    const float *cosines, *sines;    /* (context, head width / 2), `modern` only */
    const float *norm, *norm_bias;
    const float *head, *head_bias; /* (vocabulary, width) */
    const int32_t *memory_symbols, *memory_letters; /* (vocabulary) */
    const float *memory_tables; /* (tables, rows, width) */
    const float *memory_mix;    /* (width, tables · width of a row) */
    const float *embedding_norm;
    const lg_layer_weights *layers;
} lg_weights;

/* The instruction sets that both this build and the processor support, best first; NULL after them. */
const char *lg_instruction_set(int index);

/* Copies and rounds the weights. NULL if out of memory or for an unknown instruction set. */
lg_model *lg_model_new(const lg_shape *shape, const lg_weights *weights, const char *instructions);
void lg_model_free(lg_model *model);

/* The row of each table of the n-gram memory after every token of a text: (count, tables). Returns the
 * number of tables, or -1 for a token out of range. */
int lg_memory_rows(const lg_model *model, int count, const int32_t *tokens, uint32_t *rows);

/* A KV cache of `slots` texts of up to `context` tokens, and a logits buffer with a place per slot and
 * `spare` more. `masks` (mask_count, vocabulary) may be added to logits before sampling. The model must
 * outlive the session. NULL if out of memory. */
lg_session *lg_session_new(const lg_model *model, int slots, int spare, const float *masks,
                           int mask_count);
void lg_session_free(lg_session *session);

/* Reads `count` columns. Those of one text are adjacent, in order of position, and continue what the
 * slot holds. The logits after each column are stored in its place for `lg_draw`; if `places` is NULL,
 * in the slot's place, where those after the last column of the text remain. They are also written to
 * `logits` (count, vocabulary) unless it is NULL. Returns 0, or -1 for a token, slot, position or place
 * out of range; then nothing is read. */
int lg_extend(lg_session *session, int count, const int32_t *tokens, const int32_t *slots,
              const int32_t *positions, const int32_t *places, float *logits);

/* Copies the first `length` tokens of slot `from` to slot `to`, replacing its content. Returns 0, or -1
 * for a slot or length out of range. */
int lg_fork(lg_session *session, int from, int to, int length);

/* Samples a token from the logits in each place, with its log-probability at temperature 1; see
 * model/pytorch/sampling.py. Returns 0, or -1 for a place or mask out of range. */
int lg_draw(lg_session *session, int count, const int32_t *places, const int32_t *masks,
            const float *temperatures, const float *top_ps, const float *uniforms, int32_t *drawn,
            float *likelihoods);

/* Appends up to `most` speculative tokens to the `count` tokens. `slots` are the 2^bits entries of the
 * draft table, `uniforms` the random numbers of the next samples. Returns how many were appended. */
int lg_draft(const uint32_t *slots, int bits, int32_t *tokens, int count, const float *uniforms,
             int most);

/* Sets the number of threads, including the caller's. One pool serves the process; a caller that finds
 * it busy computes alone. Returns the number of threads. */
int lg_set_threads(int threads);

#endif
