/* One step of the decoder, written once and compiled once for every instruction set.
 *
 * Before each inclusion kernel.c defines
 *   NAME(x)   the name x with the instruction set appended
 *   TARGET    the attribute that allows its instructions
 *   WIDTH     how many floats its vectors hold: 4, 8 or 16
 *   PRODUCT   its product of 16 rows with up to TILE columns, see products.h
 *
 * Sums run over LANES partial sums in all versions, and products are never fused with sums
 * (-ffp-contract=off), so all versions give the same bits.
 */

#include "vectors.h"

INLINE vec NAME(product_of)(const lg_projection *job, const int32_t *sums, int row, int column) {
    ints sum;
    memcpy(&sum, sums, sizeof sum);
    vec scale = NAME(load)(job->matrix->scales + row) * job->inputs.scales[column];
    vec value = __builtin_convertvector(sum, vec) * scale;
    return job->matrix->bias == NULL ? value : value + NAME(load)(job->matrix->bias + row);
}

/* Sums of one block of 16 rows become results of up to TILE columns. */
INLINE void NAME(finish)(const lg_projection *job, int block, int first, int columns,
                         int32_t sums[][LANES]) {
    for (int column = first; column < first + columns; column++) {
        float *out = job->out + (size_t)column * (size_t)job->out_stride + block * LANES;
        for (int lane = 0; lane < LANES; lane += WIDTH) {
            vec value =
                NAME(product_of)(job, sums[column - first] + lane, block * LANES + lane, column);
            if (job->ending == ADD) value = NAME(load)(out + lane) + value;
            if (job->ending == RELU) value = NAME(maximum)(value, (vec){0});
            NAME(store)(out + lane, value);
        }
    }
}

/* The same for a block of gates and the block of ups behind it: silu(gate) · up. */
INLINE void NAME(finish_swiglu)(const lg_projection *job, int block, int first, int columns,
                                int32_t gates[][LANES], int32_t ups[][LANES]) {
    for (int column = first; column < first + columns; column++) {
        float *out = job->out + (size_t)column * (size_t)job->out_stride + block / 2 * LANES;
        for (int lane = 0; lane < LANES; lane += WIDTH) {
            int row = block * LANES + lane;
            vec gate = NAME(product_of)(job, gates[column - first] + lane, row, column);
            vec up = NAME(product_of)(job, ups[column - first] + lane, row + LANES, column);
            NAME(store)(out + lane, gate / (NAME(exponential)(-gate) + 1.0f) * up);
        }
    }
}

TARGET static void NAME(project_blocks)(const void *context, int piece, int worker) {
    (void)worker;
    const lg_projection *job = context;
    const lg_matrix *matrix = job->matrix;
    int step = job->ending == SWIGLU ? 2 : 1;
    int begin = piece * job->blocks_a_piece;
    int end = begin + job->blocks_a_piece < matrix->blocks ? begin + job->blocks_a_piece
                                                          : matrix->blocks;
    size_t block_size = (size_t)matrix->inputs * LANES;
    for (int block = begin; block < end; block += step) {
        const uint8_t *weights = matrix->weights + (size_t)block * block_size;
        for (int first = 0; first < job->columns; first += TILE) {
            int columns = job->columns - first < TILE ? job->columns - first : TILE;
            int32_t sums[2][TILE][LANES];
            for (int part = 0; part < step; part++)
                PRODUCT(weights + (size_t)part * block_size, matrix->inputs, job->inputs, first,
                        columns, sums[part]);
            if (job->ending == SWIGLU)
                NAME(finish_swiglu)(job, block, first, columns, sums[0], sums[1]);
            else
                NAME(finish)(job, block, first, columns, sums[0]);
        }
    }
}

/* `matrix` times the vectors that were last rounded, into `out`, one vector of `stride` a column. */
static void NAME(project)(const lg_session *session, const lg_matrix *matrix, int columns,
                          lg_ending ending, float *out, int stride) {
    int pieces = PIECES_A_THREAD * pool_size();
    int pairs = (matrix->blocks / 2 + pieces - 1) / pieces;
    lg_projection job = {.matrix = matrix,
                         .inputs = session->inputs,
                         .columns = columns,
                         .ending = ending,
                         .out = out,
                         .out_stride = stride,
                         .blocks_a_piece = pairs > 0 ? 2 * pairs : 2};
    pool_run(NAME(project_blocks), &job,
             (matrix->blocks + job.blocks_a_piece - 1) / job.blocks_a_piece);
}

/* Rows of the memory's tables, side by side as input number `column`. */
INLINE void NAME(recall)(const lg_session *session, const uint32_t *rows, int column) {
    const lg_ngrams *ngrams = &session->model->ngrams;
    int whole = ngrams->width / WIDTH * WIDTH;
    float *recalled = session->recalled + (size_t)column * (size_t)ngrams->mix.inputs, *to = recalled;
    for (int table = 0; table < ngrams->tables; table++, to += ngrams->width) {
        const uint8_t *row = stored_row(ngrams, table, rows[table]);
        float scale;
        memcpy(&scale, row, sizeof scale);
        const int8_t *numbers = (const int8_t *)row + sizeof scale;
        for (int i = 0; i < whole; i += WIDTH) {
            bytes some;
            memcpy(&some, numbers + i, sizeof some);
            NAME(store)(to + i, __builtin_convertvector(NAME(widen)(some), vec) * scale);
        }
        for (int i = whole; i < ngrams->width; i++) to[i] = (float)numbers[i] * scale;
    }
    NAME(quantize)(recalled, ngrams->mix.inputs, session->inputs, column);
}

TARGET static void NAME(embed_column)(const void *context, int column, int worker) {
    (void)worker;
    const lg_columns *step = context;
    const lg_model *model = step->session->model;
    size_t width = (size_t)model->width;
    float *x = step->session->x + (size_t)column * width;
    if (model->ngrams.tables > 0)
        NAME(recall)(step->session, step->session->found + column * MAX_TABLES, column);
    memcpy(x, model->token_embedding + (size_t)step->tokens[column] * width, width * sizeof *x);
    if (model->position_embedding == NULL) return;
    const float *position = model->position_embedding + (size_t)step->positions[column] * width;
    for (size_t i = 0; i < width; i++) x[i] += position[i];
}

TARGET static void NAME(quantize_column)(const void *context, int column, int worker) {
    (void)worker;
    const lg_columns *step = context;
    const float *source = step->source + (size_t)column * (size_t)step->stride;
    NAME(quantize)(source, step->stride, step->session->inputs, column);
}

TARGET static void NAME(normalize_column)(const void *context, int column, int worker) {
    const lg_columns *step = context;
    const lg_model *model = step->session->model;
    size_t at = (size_t)column * (size_t)model->width;
    float *normed = step->session->normed + at;
    NAME(normalize)(step->source + at, step->norm, model->shape.width, normed);
    lg_columns quantized = *step;
    quantized.source = step->session->normed;
    NAME(quantize_column)(&quantized, column, worker);
}

#include "attention.h"

TARGET static void NAME(normalize_sum)(const void *context, int column, int worker) {
    (void)worker;
    const lg_columns *step = context;
    const lg_model *model = step->session->model;
    float *x = step->session->x + (size_t)column * (size_t)model->width;
    NAME(normalize)(x, model->ngrams.norm, model->shape.width, x);
}

static void NAME(normalize_columns)(lg_columns *step, lg_norm norm, int count) {
    step->norm = norm;
    step->source = step->session->x;
    step->stride = step->session->model->width;
    pool_run(NAME(normalize_column), step, count);
}

static void NAME(quantize_columns)(lg_columns *step, const float *source, int stride, int count) {
    step->source = source;
    step->stride = stride;
    pool_run(NAME(quantize_column), step, count);
}

/* What the layers read, into session->x: embeddings, and what the memory adds to them. */
static void NAME(embed)(lg_columns *step, int count) {
    const lg_session *session = step->session;
    const lg_model *model = session->model;
    bool remembers = model->ngrams.tables > 0;
    if (remembers) look_up(step, count);
    pool_run(NAME(embed_column), step, count);
    if (!remembers) return;
    NAME(project)(session, &model->ngrams.mix, count, ADD, session->x, model->width);
    pool_run(NAME(normalize_sum), step, count);
}

/* One layer: attention and feed-forward, each on a normalised copy and added back. */
static void NAME(run_layer)(lg_columns *step, int count) {
    const lg_session *session = step->session;
    const lg_model *model = session->model;
    const lg_layer *layer = step->layer;
    int width = model->width, hidden = model->hidden;

    NAME(normalize_columns)(step, layer->attention_norm, count);
    NAME(project)(session, &layer->attention_in, count, STORE, session->attention, 3 * width);
    pool_run(NAME(attend), step, step->text_count * model->shape.heads / step->heads_a_piece);
    NAME(quantize_columns)(step, session->mixed, width, count);
    NAME(project)(session, &layer->attention_out, count, ADD, session->x, width);

    lg_ending activation = model->shape.modern ? SWIGLU : RELU;
    NAME(normalize_columns)(step, layer->feed_forward_norm, count);
    NAME(project)(session, &layer->feed_forward_in, count, activation, session->hidden, hidden);
    NAME(quantize_columns)(step, session->hidden, hidden, count);
    NAME(project)(session, &layer->feed_forward_out, count, ADD, session->x, width);
}

/* Logits of the columns in session->x, into session->head_out. */
static void NAME(run_head)(lg_columns *step, int count) {
    const lg_session *session = step->session;
    const lg_model *model = session->model;
    if (model->shape.final_norm)
        NAME(normalize_columns)(step, model->norm, count);
    else
        NAME(quantize_columns)(step, session->x, model->width, count);
    NAME(project)(session, &model->head, count, STORE, session->head_out,
                  model->head.blocks * LANES);
}

/* Read up to COLUMNS columns; session->head_out holds the logits behind each. */
static void NAME(step)(lg_session *session, int count, const int32_t *tokens, const int32_t *rows,
                       const int32_t *positions) {
    lg_columns step = {.session = session, .tokens = tokens, .rows = rows,
                       .positions = positions};
    find_texts(&step, count);
    bool many = step.text_count >= PIECES_A_THREAD * pool_size();
    step.heads_a_piece = many ? session->model->shape.heads : 1;
    NAME(embed)(&step, count);
    for (int layer = 0; layer < session->model->shape.layers; layer++) {
        step.layer = &session->model->layers[layer];
        step.layer_index = layer;
        NAME(run_layer)(&step, count);
    }
    NAME(run_head)(&step, count);
}

#undef INLINE
#undef vec
#undef ints
#undef unsigneds
#undef shorts
#undef bytes
#undef NAME
#undef TARGET
#undef WIDTH
#undef PRODUCT
