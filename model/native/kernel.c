/* Models and sessions: lays out weights, selects the instruction set, passes columns to a step.
 *
 * A map of this folder:
 *   kernel.h              the functions that Python calls (library.py)
 *   kernel.c              models, sessions, lg_extend, lg_fork; includes step.inc per instruction set
 *   step.inc              one step of the decoder: embedding, layers, head; a template, with its parts
 *     vectors.h           float vectors: exponential, norms, rounding to 8 bits
 *     attention.inc       attention over the 8-bit KV cache
 *   products.h            8-bit matrix products, one function per instruction set
 *   model.h, layout.h     the structs, and the layout of weights in memory
 *   ngrams.c, ngrams.h    the n-gram memory
 *   sampling.c, drafts.c  sampling from logits; speculative tokens from the draft table
 *   pool.c, memory.h      the thread pool; arena allocation
 */

#include "kernel.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "layout.h"
#include "memory.h"
#include "model.h"
#include "ngrams.h"
#include "pool.h"
#include "products.h"

/* The cache of one layer, slot, chunk and head. Chunks are the outermost dimension: most sequences are
 * short, and pages of chunks that none reaches are never touched. */
static inline lg_cache cache_of(const lg_session *session, int layer, int slot, int chunk, int head) {
    const lg_model *model = session->model;
    size_t place = (size_t)chunk * (size_t)model->shape.layers + (size_t)layer;
    place = place * (size_t)session->slots + (size_t)slot;
    place = (place * (size_t)model->shape.heads + (size_t)head) * CHUNK;
    return (lg_cache){session->keys + place * (size_t)model->padded_head,
                      session->values + place * (size_t)model->padded_head,
                      session->key_scales + place, session->value_scales + place};
}

/* Adjacent columns of one slot belong to one text. */
static void find_texts(lg_columns *step, int count) {
    step->text_count = 0;
    for (int column = 0; column < count; column++)
        if (column == 0 || step->slots[column] != step->slots[column - 1])
            step->texts[step->text_count++] = column;
    step->texts[step->text_count] = count;
}

#define NAME(x) x##_plain
#define TARGET
#define WIDTH 4
#define PRODUCT product_plain
#include "step.inc"

#if defined(__x86_64__)
#define NAME(x) x##_avx2
#define TARGET TARGET_AVX2
#define WIDTH 8
#define PRODUCT product_avx2
#include "step.inc"

#define NAME(x) x##_vnni
#define TARGET TARGET_VNNI
#define WIDTH 16
#define PRODUCT product_vnni
#include "step.inc"

static bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }

static bool has_vnni(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}
#endif

#if defined(__aarch64__)
#define NAME(x) x##_dotprod
#define TARGET TARGET_DOTPROD
#define WIDTH 4
#define PRODUCT product_dotprod
#include "step.inc"

static bool has_dotprod(void) {
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
    return true; /* every Apple processor with this architecture */
#endif
}
#endif

static bool always(void) { return true; }

typedef struct {
    const char *name;
    bool (*available)(void);
    lg_step *step;
} instruction_set;

static const instruction_set INSTRUCTION_SETS[] = {
#if defined(__x86_64__)
    {"avx512-vnni", has_vnni, step_vnni},
    {"avx2", has_avx2, step_avx2},
#elif defined(__aarch64__)
    {"neon-dotprod", has_dotprod, step_dotprod},
#endif
    {"plain", always, step_plain},
};

enum { SETS = sizeof INSTRUCTION_SETS / sizeof INSTRUCTION_SETS[0] };

const char *lg_instruction_set(int index) {
    for (int set = 0; set < SETS; set++)
        if (INSTRUCTION_SETS[set].available() && index-- == 0) return INSTRUCTION_SETS[set].name;
    return NULL;
}

static lg_step *find_step(const char *name) {
    for (int set = 0; set < SETS; set++)
        if (INSTRUCTION_SETS[set].available() && strcmp(name, INSTRUCTION_SETS[set].name) == 0)
            return INSTRUCTION_SETS[set].step;
    return NULL;
}

/* --- weights ------------------------------------------------------------------------------- */

static lg_layer new_layer(lg_arena *memory, const lg_shape *shape, const lg_layer_weights *from) {
    int width = shape->width, hidden = shape->feed_forward;
    int blocks = padded(width) / LANES, hidden_blocks = padded(hidden) / LANES;
    bool biased = !shape->modern;
    lg_layer layer = {
        .attention_norm = copy_norm(memory, from->attention_norm, from->attention_norm_bias, width),
        .feed_forward_norm =
            copy_norm(memory, from->feed_forward_norm, from->feed_forward_norm_bias, width),
        .query_norm = copy(memory, from->query_norm, 1, width / shape->heads, width),
        .key_norm = copy(memory, from->key_norm, 1, width / shape->heads, width),
        .attention_in = new_matrix(memory, 3 * blocks, width, false),
        .attention_out = new_matrix(memory, blocks, width, biased),
        .feed_forward_in =
            new_matrix(memory, (shape->modern ? 2 : 1) * hidden_blocks, width, biased),
        .feed_forward_out = new_matrix(memory, blocks, hidden, biased),
    };
    fill(memory, layer.attention_in, 0, 1, from->query, NULL, width, width);
    fill(memory, layer.attention_in, blocks, 1, from->key, NULL, width, width);
    fill(memory, layer.attention_in, 2 * blocks, 1, from->value, NULL, width, width);
    fill(memory, layer.attention_out, 0, 1, from->out, from->out_bias, width, width);
    if (shape->modern) {
        fill(memory, layer.feed_forward_in, 0, 2, from->gate, NULL, hidden, width);
        fill(memory, layer.feed_forward_in, 1, 2, from->up, NULL, hidden, width);
    } else {
        fill(memory, layer.feed_forward_in, 0, 1, from->up, from->up_bias, hidden, width);
    }
    fill(memory, layer.feed_forward_out, 0, 1, from->down, from->down_bias, width, hidden);
    return layer;
}

lg_model *lg_model_new(const lg_shape *shape, const lg_weights *weights, const char *instructions) {
    lg_step *step = find_step(instructions);
    lg_model *model = step == NULL ? NULL : calloc(1, sizeof *model);
    if (model == NULL) return NULL;
    lg_arena *memory = &model->memory;
    int width = shape->width, half = width / shape->heads / 2;
    model->shape = *shape;
    model->step = step;
    model->head_width = 2 * half;
    model->padded_head = padded(model->head_width);
    model->width = padded(width);
    model->hidden = padded(shape->feed_forward);
    model->chunks = (shape->context + CHUNK - 1) / CHUNK;
    model->token_embedding =
        copy(memory, weights->token_embedding, shape->vocabulary, width, model->width);
    model->position_embedding =
        copy(memory, weights->position_embedding, shape->context, width, model->width);
    model->cosines = copy(memory, weights->cosines, shape->context, half, half);
    model->sines = copy(memory, weights->sines, shape->context, half, half);
    model->norm = copy_norm(memory, weights->norm, weights->norm_bias, width);
    model->head = new_matrix(memory, padded(shape->vocabulary) / LANES, width, !shape->modern);
    fill(memory, model->head, 0, 1, weights->head, weights->head_bias, shape->vocabulary, width);
    model->layers = arena_take(memory, (size_t)shape->layers, sizeof *model->layers);
    for (int layer = 0; !memory->failed && layer < shape->layers; layer++)
        model->layers[layer] = new_layer(memory, shape, &weights->layers[layer]);
    model->ngrams = new_ngrams(memory, shape, weights);
    if (!memory->failed) return model;
    lg_model_free(model);
    return NULL;
}

void lg_model_free(lg_model *model) {
    if (model == NULL) return;
    arena_free(&model->memory);
    free(model);
}

/* --- sessions ------------------------------------------------------------------------------ */

static float *floats(lg_arena *memory, int rows, int width) {
    return arena_take(memory, (size_t)rows * (size_t)width, sizeof(float));
}

static lg_inputs new_inputs(lg_arena *memory, int vectors, int width) {
    return (lg_inputs){.numbers = arena_take(memory, (size_t)vectors, (size_t)width),
                       .scales = floats(memory, vectors, 1),
                       .sums = arena_take(memory, (size_t)vectors, sizeof(int32_t))};
}

static lg_scratch new_scratch(lg_arena *memory, const lg_model *model) {
    int positions = model->chunks * CHUNK, vectors = model->shape.heads * ATTENDED;
    int longest = positions > model->padded_head ? positions : model->padded_head;
    return (lg_scratch){
        .scores = floats(memory, vectors, longest),
        .numbers = arena_take(memory, 2 * (size_t)vectors, (size_t)longest),
        .digit_sums = arena_take(memory, 2 * (size_t)vectors * (size_t)model->chunks, sizeof(int32_t)),
        .totals = arena_take(memory, 2 * (size_t)vectors * (size_t)model->padded_head, sizeof(int32_t)),
        .factors = floats(memory, vectors, 1),
        .heap = arena_take(memory, (size_t)model->shape.vocabulary, sizeof(lg_candidate)),
    };
}

lg_session *lg_session_new(const lg_model *model, int slots, int spare, const float *masks,
                           int mask_count) {
    lg_session *session = calloc(1, sizeof *session);
    if (session == NULL) return NULL;
    lg_arena *memory = &session->memory;
    const lg_shape *shape = &model->shape;
    int recalled = model->ngrams.tables > 0 ? model->ngrams.mix.inputs : 0;
    int widest = model->width > model->hidden ? model->width : model->hidden;
    if (recalled > widest) widest = recalled;
    session->model = model;
    session->slots = slots;
    session->places = slots + spare;
    session->mask_count = mask_count;
    session->masks = copy(memory, masks, mask_count, shape->vocabulary, shape->vocabulary);
    session->logits = floats(memory, session->places, shape->vocabulary);
    size_t positions = (size_t)shape->layers * (size_t)slots * (size_t)shape->heads *
                       (size_t)model->chunks * CHUNK;
    session->keys = arena_take(memory, positions, (size_t)model->padded_head);
    session->values = arena_take(memory, positions, (size_t)model->padded_head);
    session->key_scales = arena_take(memory, positions, sizeof *session->key_scales);
    session->value_scales = arena_take(memory, positions, sizeof *session->value_scales);
    if (recalled > 0) {
        session->tokens = arena_take(memory, (size_t)slots * (size_t)shape->context, sizeof(int32_t));
        session->found = arena_take(memory, (size_t)COLUMNS * MAX_TABLES, sizeof(uint32_t));
        session->recalled = floats(memory, COLUMNS, recalled);
    }
    session->x = floats(memory, COLUMNS, model->width);
    session->normed = floats(memory, COLUMNS, model->width);
    session->attention = floats(memory, COLUMNS, 3 * model->width);
    session->mixed = floats(memory, COLUMNS, model->width);
    session->hidden = floats(memory, COLUMNS, model->hidden);
    session->head_out = floats(memory, COLUMNS, model->head.blocks * LANES);
    session->inputs = new_inputs(memory, COLUMNS, widest);
    session->queries = new_inputs(memory, COLUMNS * shape->heads, model->padded_head);
    session->scratch = arena_take(memory, POOL_THREADS, sizeof *session->scratch);
    for (int thread = 0; !memory->failed && thread < POOL_THREADS; thread++)
        session->scratch[thread] = new_scratch(memory, model);
    if (!memory->failed) return session;
    lg_session_free(session);
    return NULL;
}

void lg_session_free(lg_session *session) {
    if (session == NULL) return;
    arena_free(&session->memory);
    free(session);
}

static bool outside(const int32_t *values, int count, int limit) {
    for (int i = 0; i < count; i++)
        if (values[i] < 0 || values[i] >= limit) return true;
    return false;
}

static void keep_logits(lg_session *session, int columns, const int32_t *places, float *logits) {
    size_t size = (size_t)session->model->shape.vocabulary;
    size_t stride = (size_t)session->model->head.blocks * LANES;
    for (int column = 0; column < columns; column++) {
        const float *made = session->head_out + (size_t)column * stride;
        memcpy(session->logits + (size_t)places[column] * size, made, size * sizeof *made);
        if (logits != NULL)
            memcpy(logits + (size_t)column * size, made, size * sizeof *made);
    }
}

int lg_extend(lg_session *session, int count, const int32_t *tokens, const int32_t *slots,
              const int32_t *positions, const int32_t *places, float *logits) {
    const lg_model *model = session->model;
    const lg_shape *shape = &model->shape;
    if (places == NULL) places = slots;
    if (outside(tokens, count, shape->vocabulary) || outside(slots, count, session->slots) ||
        outside(positions, count, shape->context) || outside(places, count, session->places))
        return -1;
    for (int first = 0; first < count; first += COLUMNS) {
        int columns = count - first < COLUMNS ? count - first : COLUMNS;
        model->step(session, columns, tokens + first, slots + first, positions + first);
        keep_logits(session, columns, places + first,
                    logits == NULL ? NULL : logits + (size_t)first * (size_t)shape->vocabulary);
    }
    return 0;
}

int lg_fork(lg_session *session, int from, int to, int length) {
    const lg_model *model = session->model;
    const lg_shape *shape = &model->shape;
    if (from < 0 || from >= session->slots || to < 0 || to >= session->slots || length < 0 ||
        length > shape->context)
        return -1;
    if (from == to) return 0;
    size_t positions = (size_t)shape->heads * CHUNK;
    size_t bytes = positions * (size_t)model->padded_head;
    for (int layer = 0; layer < shape->layers; layer++)
        for (int chunk = 0; chunk * CHUNK < length; chunk++) {
            lg_cache source = cache_of(session, layer, from, chunk, 0);
            lg_cache target = cache_of(session, layer, to, chunk, 0);
            memcpy(target.keys, source.keys, bytes);
            memcpy(target.values, source.values, bytes);
            memcpy(target.key_scales, source.key_scales, positions * sizeof(float));
            memcpy(target.value_scales, source.value_scales, positions * sizeof(float));
        }
    if (session->tokens != NULL) {
        size_t stride = (size_t)shape->context;
        memcpy(session->tokens + (size_t)to * stride, session->tokens + (size_t)from * stride,
               (size_t)length * sizeof *session->tokens);
    }
    return 0;
}

int lg_set_threads(int threads) { return pool_resize(threads); }
