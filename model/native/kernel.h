/* The decoder as a library for the CPU: what Python calls through ctypes (model/native/library.py).
 *
 * Matrices are held as 8-bit whole numbers with one scale a row, their inputs are rounded to 8 bits
 * with one scale a vector, and so are the keys and values of attention: the sums of all products are
 * exact. All other arithmetic is float32 in an order that depends neither on the instruction set, nor
 * on the number of threads, nor on which columns are read together: equal texts have equal logits,
 * bit for bit.
 *
 * A column is one token of one text: its id, the cache row of its text and its position there.
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
    /* The n-gram memory, all 0 where there is none. Bit n − 1 of the first two is order n. */
    int32_t memory_orders, memory_words;
    int32_t memory_rows, memory_width; /* of each table */
} lg_shape;

/* Row-major float32; what a family does not have is NULL. */
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

/* The instruction sets of this build that the processor has, best first; NULL behind the last. */
const char *lg_instruction_set(int index);

/* Copy and round the weights. NULL when there is no memory or no such instruction set. */
lg_model *lg_model_new(const lg_shape *shape, const lg_weights *weights, const char *instructions);
void lg_model_free(lg_model *model);

/* The row of each table of the memory behind every token of a text: (count, tables). Returns how many
 * tables there are, or -1 for a token that does not exist. */
int lg_memory_rows(const lg_model *model, int count, const int32_t *tokens, uint32_t *rows);

/* Room for `rows` texts of up to `context` tokens, and for logits in as many places and `spare` more.
 * `masks` (mask_count, vocabulary) are what may be added to logits before a draw. The model must
 * outlive it. NULL when there is no memory. */
lg_session *lg_session_new(const lg_model *model, int rows, int spare, const float *masks,
                           int mask_count);
void lg_session_free(lg_session *session);

/* Read `count` columns. Those of one text stand together, in order of position, each behind what
 * its row already holds. The logits behind each column are kept in its place for `lg_draw`: where
 * `places` is NULL, in that of its row's number, so that those behind the last column of each text
 * stay. Where `logits` (count, vocabulary) is not NULL, they are written to it as well. Returns 0, or
 * -1 for a token, row, position or place that does not exist; then nothing is read. */
int lg_extend(lg_session *session, int count, const int32_t *tokens, const int32_t *rows,
              const int32_t *positions, const int32_t *places, float *logits);

/* Copy the first `length` tokens that row `from` holds to row `to`, in place of what it held. Returns
 * 0, or -1 for a row or length that does not exist. */
int lg_fork(lg_session *session, int from, int to, int length);

/* Draw a token from the logits in each of these places, and the log-probability of each at
 * temperature 1; see model/pytorch/sampling.py. Returns 0, or -1 for a place or mask that does not exist. */
int lg_draw(lg_session *session, int count, const int32_t *places, const int32_t *masks,
            const float *temperatures, const float *top_ps, const float *uniforms, int32_t *drawn,
            float *likelihoods);

/* Guess up to `most` tokens that follow the `count` that are there, and write them behind those;
 * `slots` are 2^bits, and `uniforms` the random numbers of the next draws. Returns how many. */
int lg_draft(const uint32_t *slots, int bits, int32_t *tokens, int count, const float *uniforms,
             int most);

/* Compute with this many threads from now on, the caller's included. One pool serves the process;
 * who finds it busy computes alone. Returns how many there are. */
int lg_set_threads(int threads);

#endif
