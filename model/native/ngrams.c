/* The n-gram memory: rounding its tables and finding rows. */

#include "ngrams.h"

#include <string.h>

#include "layout.h"

/* See model/checkpoint/memory_keys.py. */
enum { WORD_LETTERS = 20, WORD_REACH = 64 };
static const uint32_t BASIS = 2166136261u, PRIME = 16777619u, MULTIPLIER = 73244475u;
static const float SCALE = 8.0f; /* of model/pytorch/memory.py */

static uint32_t hash_step(uint32_t hash, uint32_t symbol) { return (hash ^ symbol) * PRIME; }

static uint32_t row_of(const lg_ngrams *ngrams, uint32_t hash) {
    hash = (hash ^ hash >> 16) * MULTIPLIER;
    hash = (hash ^ hash >> 16) * MULTIPLIER;
    return (uint32_t)((uint64_t)(hash ^ hash >> 16) * (uint64_t)ngrams->rows >> 32);
}

/* The hash of the last word that ends `*back` or more tokens before `last`, among the `count` tokens
 * up to `last`, or 0. `*back` advances to the possible end of the word before it. */
static uint32_t hash_word(const lg_ngrams *ngrams, const int32_t *last, int count, int *back) {
    int reach = count < WORD_REACH ? count : WORD_REACH;
    while (*back < reach && ngrams->letters[last[-*back]] == 0) ++*back;
    if (*back >= reach) return 0;
    int end = *back + WORD_LETTERS < count ? *back + WORD_LETTERS : count;
    uint32_t hash = BASIS, letter;
    for (; *back < end && (letter = ngrams->letters[last[-*back]]) != 0; ++*back)
        hash = hash_step(hash, letter);
    return hash;
}

/* The row of each table for the token at `position` of the text `tokens`. */
static void find_rows(const lg_ngrams *ngrams, const int32_t *tokens, int position, uint32_t *rows) {
    const int32_t *last = tokens + position;
    uint32_t hash = BASIS;
    for (int back = 0; ngrams->orders >> back != 0; back++) {
        hash = hash_step(hash, back <= position ? ngrams->symbols[last[-back]] : 0);
        if (ngrams->orders >> back & 1) *rows++ = row_of(ngrams, hash);
    }
    hash = ngrams->letters[*last] != 0 ? BASIS : ~BASIS;
    for (int word = 0, back = 0; ngrams->words >> word != 0; word++) {
        hash = hash_step(hash, hash_word(ngrams, last, position + 1, &back));
        if (ngrams->words >> word & 1) *rows++ = row_of(ngrams, hash);
    }
}

static void prefetch_rows(const lg_ngrams *ngrams, const uint32_t *rows) {
    for (int table = 0; table < ngrams->tables; table++) {
        const uint8_t *row = stored_row(ngrams, table, rows[table]);
        for (int byte = 0; byte < ngrams->stride; byte += CACHE_LINE)
            __builtin_prefetch(row + byte);
        __builtin_prefetch(row + ngrams->stride - 1);
    }
}

void look_up(const lg_columns *step, int count) {
    const lg_session *session = step->session;
    const lg_model *model = session->model;
    for (int column = 0; column < count; column++) {
        int position = step->positions[column];
        int32_t *text = session->tokens + (size_t)step->slots[column] * (size_t)model->shape.context;
        uint32_t *found = session->found + column * MAX_TABLES;
        text[position] = step->tokens[column];
        find_rows(&model->ngrams, text, position, found);
        prefetch_rows(&model->ngrams, found);
    }
}

int lg_memory_rows(const lg_model *model, int count, const int32_t *tokens, uint32_t *rows) {
    const lg_ngrams *ngrams = &model->ngrams;
    for (int i = 0; i < count; i++)
        if (tokens[i] < 0 || tokens[i] >= model->shape.vocabulary) return -1;
    for (int i = 0; i < count; i++, rows += ngrams->tables) find_rows(ngrams, tokens, i, rows);
    return ngrams->tables;
}

static uint32_t *copy_symbols(lg_arena *memory, const int32_t *from, int count) {
    uint32_t *to = arena_take(memory, (size_t)count, sizeof *to);
    if (to != NULL) memcpy(to, from, (size_t)count * sizeof *to);
    return to;
}

/* Round a row of a table. Rows of zeros are left untouched, so that their pages are never mapped. */
static void store_row(uint8_t *row, const float *values, int width) {
    float inverse, scale = scale_of(values, width, &inverse);
    if (scale == 0.0f) return;
    memcpy(row, &scale, sizeof scale);
    int8_t *numbers = (int8_t *)row + sizeof scale;
    for (int i = 0; i < width; i++) numbers[i] = (int8_t)round_number(values[i], inverse);
}

static int ones(uint32_t bits) { return bits == 0 ? 0 : (int)(bits & 1) + ones(bits >> 1); }

lg_ngrams new_ngrams(lg_arena *memory, const lg_shape *shape, const lg_weights *weights) {
    lg_ngrams ngrams = {.orders = (uint32_t)shape->memory_orders,
                        .words = (uint32_t)shape->memory_words,
                        .rows = shape->memory_rows,
                        .width = shape->memory_width,
                        .stride = (int)sizeof(float) + (shape->memory_width + 3) / 4 * 4};
    ngrams.tables = ones(ngrams.orders) + ones(ngrams.words);
    if (ngrams.tables == 0) return ngrams;
    ngrams.symbols = copy_symbols(memory, weights->memory_symbols, shape->vocabulary);
    ngrams.letters = copy_symbols(memory, weights->memory_letters, shape->vocabulary);
    ngrams.norm = copy_norm(memory, weights->embedding_norm, NULL, shape->width);
    int inputs = ngrams.tables * ngrams.width;
    ngrams.mix = new_matrix(memory, padded(shape->width) / LANES, inputs, false);
    fill(memory, ngrams.mix, 0, 1, weights->memory_mix, NULL, shape->width, inputs);
    size_t rows = (size_t)ngrams.tables * (size_t)ngrams.rows;
    ngrams.stored = arena_take(memory, rows, (size_t)ngrams.stride);
    if (memory->failed) return ngrams;
    for (int row = 0; row < shape->width; row++) ngrams.mix.scales[row] *= SCALE;
    for (size_t row = 0; row < rows; row++)
        store_row(ngrams.stored + row * (size_t)ngrams.stride,
                  weights->memory_tables + row * (size_t)ngrams.width, ngrams.width);
    return ngrams;
}
