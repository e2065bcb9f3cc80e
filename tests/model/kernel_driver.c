/* Exercises the kernel under the sanitizers (make sanitize): both families, n-gram memories, odd widths,
 * every instruction set, batches, threads, concurrent callers. Exits with 1 if bits differ. */

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { ROWS = 5, SPARE = 2, TOKENS = 70, CONTEXT = 70, MASKS = 2, CALLERS = 2, BITS = 4, TRIALS = 12 };

static const lg_shape SHAPES[] = {
    {1, 37, CONTEXT, 42, 2, 3, 37, 1, 0.25f, 0, 0, 0, 0},
    {1, 40, CONTEXT, 64, 2, 2, 80, 0, 0.2f, 0, 0, 0, 0},
    {0, 19, CONTEXT, 30, 2, 5, 33, 1, 0.4f, 0, 0, 0, 0},
    {0, 40, CONTEXT, 48, 1, 4, 96, 0, 0.1f, 0, 0, 0, 0},
    {1, 37, CONTEXT, 42, 1, 3, 37, 1, 0.25f, 0x8005, 0xb, 50, 7},
    {1, 40, CONTEXT, 64, 1, 2, 80, 1, 0.2f, 0xffff, 0xf, 3, 40},
    {1, 40, CONTEXT, 64, 1, 2, 80, 1, 0.2f, 0, 2, 1, 1},
};

static uint32_t random_state = 1;

static uint32_t next_random(void) {
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

/* Whether some arrays of weights are as large as finite numbers can be. */
static int huge;

static float *numbers(int count) {
    float *made = malloc((size_t)count * sizeof *made);
    int wide = huge && next_random() % 2, most = huge && !wide && next_random() % 2 ? 38 : 0;
    for (int i = 0; i < count; i++) {
        int exponent = wide ? (int)(next_random() % 77) - 38 : most;
        made[i] = ((float)next_random() / (1 << 24) - 0.5f) * powf(10.0f, (float)exponent);
    }
    return made;
}

static int ones(int bits) { return bits == 0 ? 0 : (bits & 1) + ones(bits >> 1); }

/* A memory with ids of which two in three are letters, and among its rows some that are huge, too small
 * for a scale, or zeros. */
static void add_memory(const lg_shape *shape, lg_weights *weights) {
    int tables = ones(shape->memory_orders) + ones(shape->memory_words);
    if (tables == 0) return;
    int32_t *symbols = calloc((size_t)shape->vocabulary, sizeof *symbols);
    int32_t *letters = calloc((size_t)shape->vocabulary, sizeof *letters);
    for (int id = 0; id < shape->vocabulary; id++) {
        symbols[id] = id + 1;
        letters[id] = id % 3 ? id + 97 : 0;
    }
    int rows = tables * shape->memory_rows;
    float *values = numbers(rows * shape->memory_width);
    const float sizes[] = {1.0f, 1.0f, 1.0f, 1e37f, 1.0f, 1e-42f, 0.0f, 1.0f};
    for (int i = 0; i < rows * shape->memory_width; i++)
        values[i] *= sizes[i / shape->memory_width % 8];
    weights->memory_symbols = symbols;
    weights->memory_letters = letters;
    weights->memory_tables = values;
    weights->memory_mix = numbers(shape->width * tables * shape->memory_width);
    weights->embedding_norm = numbers(shape->width);
}

/* Random weights, never freed: the run is short. */
static lg_weights random_weights(const lg_shape *shape) {
    int width = shape->width, hidden = shape->feed_forward, head = width / shape->heads;
    lg_layer_weights *layers = calloc((size_t)shape->layers, sizeof *layers);
    for (int i = 0; i < shape->layers; i++) {
        lg_layer_weights *layer = &layers[i];
        layer->attention_norm = numbers(width);
        layer->feed_forward_norm = numbers(width);
        layer->query = numbers(width * width);
        layer->key = numbers(width * width);
        layer->value = numbers(width * width);
        layer->out = numbers(width * width);
        layer->up = numbers(hidden * width);
        layer->down = numbers(width * hidden);
        if (shape->modern) {
            layer->query_norm = numbers(head);
            layer->key_norm = numbers(head);
            layer->gate = numbers(hidden * width);
        } else {
            layer->attention_norm_bias = numbers(width);
            layer->feed_forward_norm_bias = numbers(width);
            layer->out_bias = numbers(width);
            layer->up_bias = numbers(hidden);
            layer->down_bias = numbers(width);
        }
    }
    lg_weights weights = {.token_embedding = numbers(shape->vocabulary * width),
                          .norm = numbers(width),
                          .head = numbers(shape->vocabulary * width),
                          .layers = layers};
    if (shape->modern) {
        weights.cosines = numbers(CONTEXT * head / 2);
        weights.sines = numbers(CONTEXT * head / 2);
    } else {
        weights.position_embedding = numbers(CONTEXT * width);
        weights.norm_bias = numbers(width);
        weights.head_bias = numbers(shape->vocabulary);
    }
    add_memory(shape, &weights);
    return weights;
}

/* The logits after TOKENS tokens, read at once or one by one, with other texts in the other slots. */
static void read_text(const lg_model *model, const lg_shape *shape, int at_once, float *logits) {
    float masks[MASKS * 64] = {0};
    for (int id = 1; id < shape->vocabulary; id += 2) masks[shape->vocabulary + id] = -INFINITY;
    lg_session *session = lg_session_new(model, ROWS, SPARE, masks, MASKS);
    int32_t tokens[TOKENS], rows[TOKENS], positions[TOKENS];
    for (int i = 0; i < TOKENS; i++) {
        tokens[i] = i * 7 % shape->vocabulary;
        rows[i] = 3;
        positions[i] = i;
    }
    for (int i = 0; i < TOKENS; i += at_once) {
        int count = TOKENS - i < at_once ? TOKENS - i : at_once;
        lg_extend(session, count, tokens + i, rows + i, positions + i, NULL,
                  logits + i * shape->vocabulary);
        int32_t others[] = {0, 1, 4}, held[] = {i, i / 2, 0}, drawn[3], chosen[] = {0, 1, 1};
        int32_t places[] = {0, ROWS, ROWS + SPARE - 1};
        float temperatures[] = {0.0f, 0.8f, 2.0f}, top_ps[] = {1.0f, 0.9f, 0.01f};
        float uniforms[] = {0.0f, 0.5f, 0.999999f}, likelihoods[3];
        lg_extend(session, 3, tokens, others, held, places, NULL);
        lg_draw(session, 3, places, chosen, temperatures, top_ps, uniforms, drawn,
                likelihoods);
        lg_fork(session, 3, 2, i + 1);
    }
    lg_session_free(session);
}

/* Speculative tokens after texts of every length, from a random table. */
static void draft(void) {
    uint32_t slots[1 << BITS];
    for (int i = 0; i < 1 << BITS; i++) slots[i] = next_random() << 8 | 0xFF;
    float uniforms[] = {0.0f, 0.5f, 0.999999f};
    for (int count = 0; count < TOKENS; count++) {
        int32_t *tokens = malloc(((size_t)count + 3) * sizeof *tokens);
        for (int i = 0; i < count; i++) tokens[i] = (int32_t)next_random() & 0xFF;
        lg_draft(slots, BITS, tokens, count, uniforms, 3);
        free(tokens);
    }
}

/* If numbers overflow, logits are arbitrary, but nothing else may fail. */
static void overflow(const lg_shape *shape) {
    lg_weights weights = random_weights(shape);
    float *mix = (float *)weights.memory_mix, *logits = numbers(TOKENS * shape->vocabulary);
    int inputs = shape->memory_width * (ones(shape->memory_orders) + ones(shape->memory_words));
    for (int i = 0; i < shape->width * inputs; i++) mix[i] *= 1e36f;
    const char *name;
    for (int set = 0; (name = lg_instruction_set(set)) != NULL; set++) {
        lg_model *model = lg_model_new(shape, &weights, name);
        read_text(model, shape, TOKENS, logits);
        lg_model_free(model);
    }
    free(logits);
}

/* The same with huge but finite weights, which a checkpoint may have. */
static void read_huge(const lg_shape *shape) {
    float *logits = numbers(TOKENS * shape->vocabulary);
    for (int trial = 0; trial < TRIALS; trial++) {
        huge = 1;
        lg_weights weights = random_weights(shape);
        huge = 0;
        const char *name;
        for (int set = 0; (name = lg_instruction_set(set)) != NULL; set++) {
            lg_model *model = lg_model_new(shape, &weights, name);
            read_text(model, shape, trial % 2 ? TOKENS : 7, logits);
            lg_model_free(model);
        }
    }
    free(logits);
}

typedef struct {
    const lg_shape *shape;
    const lg_model *model;
    const float *expected; /* NULL: compute them */
    float *logits;
    int differs;
} caller;

static void *compute(void *argument) {
    caller *self = argument;
    size_t size = sizeof(float) * TOKENS * (size_t)self->shape->vocabulary;
    for (int at_once = 1; at_once <= TOKENS; at_once = at_once * 3 + 1) {
        read_text(self->model, self->shape, at_once, self->logits);
        if (self->expected && memcmp(self->expected, self->logits, size) != 0) self->differs = 1;
    }
    return NULL;
}

/* Runs all callers concurrently on one model; returns how many differ from `expected`. */
static int compare(const lg_shape *shape, const lg_model *model, const float *expected) {
    pthread_t threads[CALLERS];
    caller callers[CALLERS];
    int wrong = 0;
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){shape, model, expected, numbers(TOKENS * shape->vocabulary), 0};
        pthread_create(&threads[i], NULL, compute, &callers[i]);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        free(callers[i].logits);
        wrong += callers[i].differs;
    }
    return wrong;
}

int main(void) {
    int wrong = 0;
    draft();
    overflow(&SHAPES[5]);
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        const lg_shape *shape = &SHAPES[i];
        lg_weights weights = random_weights(shape);
        lg_set_threads(1);
        lg_model *plain = lg_model_new(shape, &weights, "plain");
        float *expected = numbers(TOKENS * shape->vocabulary);
        read_text(plain, shape, TOKENS, expected);
        lg_model_free(plain);
        const char *name;
        for (int set = 0; (name = lg_instruction_set(set)) != NULL; set++)
            for (int threads = 1; threads <= 3; threads++) {
                lg_set_threads(threads);
                lg_model *model = lg_model_new(shape, &weights, name);
                int differ = compare(shape, model, expected);
                if (differ) printf("shape %zu, %s, %d threads: other bits\n", i, name, threads);
                wrong += differ;
                lg_model_free(model);
            }
        free(expected);
    }
    lg_set_threads(1);
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) read_huge(&SHAPES[i]);
    puts(wrong ? "the kernel is wrong" : "the kernel is sound");
    return wrong != 0;
}
