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

#define INLINE static inline __attribute__((always_inline)) TARGET
#define vec NAME(vec)
#define ints NAME(ints)
#define bytes NAME(bytes)

typedef float vec __attribute__((vector_size(4 * WIDTH)));
typedef int32_t ints __attribute__((vector_size(4 * WIDTH)));
typedef int8_t bytes __attribute__((vector_size(WIDTH)));

INLINE vec NAME(load)(const float *from) {
    vec value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE void NAME(store)(float *to, vec value) { memcpy(to, &value, sizeof value); }

INLINE vec NAME(select)(ints mask, vec yes, vec no) {
    return (vec)((mask & (ints)yes) | (~mask & (ints)no));
}

INLINE vec NAME(maximum)(vec a, vec b) { return NAME(select)(a > b, a, b); }

/* e^x to two units in the last place, for x held between -87 and 88. After Cephes' expf. */
INLINE vec NAME(exponential)(vec x) {
    x = NAME(maximum)(x, (vec){0} - 87.0f);
    x = -NAME(maximum)(-x, (vec){0} - 88.0f);
    vec shifted = x * 1.44269504f + ROUNDING;
    vec whole = shifted - ROUNDING;
    vec rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    vec y = rest * 1.9875691500e-4f + 1.3981999507e-3f;
    y = y * rest + 8.3334519073e-3f;
    y = y * rest + 4.1665795894e-2f;
    y = y * rest + 1.6666665459e-1f;
    y = y * rest + 5.0000001201e-1f;
    y = y * rest * rest + rest + 1.0f;
    ints power = (ints)shifted << 23; /* the low bits of `shifted` are the whole number */
    return (vec)((ints)y + power);
}

/* The sum of LANES partial sums, by halves. */
INLINE float NAME(total)(float *partial) {
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++) partial[lane] += partial[lane + half];
    return partial[0];
}

/* The largest of LANES numbers, by halves. */
INLINE float NAME(largest)(float *numbers) {
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            numbers[lane] = numbers[lane] > numbers[lane + half] ? numbers[lane] : numbers[lane + half];
    return numbers[0];
}

/* Σ a·b over `count` numbers, of any count. */
INLINE float NAME(dot)(const float *a, const float *b, int count) {
    float partial[LANES];
    int whole = count / LANES * LANES;
    for (int lane = 0; lane < LANES; lane += WIDTH) {
        vec sum = {0};
        for (int i = lane; i < whole; i += LANES) sum += NAME(load)(a + i) * NAME(load)(b + i);
        NAME(store)(partial + lane, sum);
    }
    for (int i = whole; i < count; i++) partial[i - whole] += a[i] * b[i];
    return NAME(total)(partial);
}

/* RMSNorm with ε = 1e-6, or LayerNorm with ε = 1e-5 where there is a bias. `out` may be `x`. */
INLINE void NAME(normalize)(const float *x, lg_norm norm, int count, float *out) {
    if (norm.bias == NULL) {
        float inverse = 1.0f / sqrtf(NAME(dot)(x, x, count) / (float)count + 1e-6f);
        for (int i = 0; i < count; i++) out[i] = x[i] * inverse * norm.weight[i];
        return;
    }
    float mean = 0.0f;
    for (int i = 0; i < count; i++) mean += x[i];
    mean /= (float)count;
    for (int i = 0; i < count; i++) out[i] = x[i] - mean;
    float inverse = 1.0f / sqrtf(NAME(dot)(out, out, count) / (float)count + 1e-5f);
    for (int i = 0; i < count; i++) out[i] = out[i] * inverse * norm.weight[i] + norm.bias[i];
}

/* Round a vector, padded with zeros to 16, to 8 bits as input number `column`. */
INLINE void NAME(quantize)(const float *x, int count, lg_inputs inputs, int column) {
    float largest[LANES];
    for (int lane = 0; lane < LANES; lane += WIDTH) {
        vec most = {0};
        for (int i = lane; i < count; i += LANES) {
            vec value = NAME(load)(x + i);
            most = NAME(maximum)(most, NAME(maximum)(value, -value));
        }
        NAME(store)(largest + lane, most);
    }
    float most = NAME(largest)(largest);
    float inverse = most > 0.0f ? 127.0f / most : 0.0f;
    int8_t *numbers = inputs.numbers + (size_t)column * (size_t)count;
    int32_t sum = 0;
    for (int i = 0; i < count; i += WIDTH) {
        vec shifted = NAME(load)(x + i) * inverse + ROUNDING;
        bytes rounded = __builtin_convertvector((ints)shifted, bytes);
        memcpy(numbers + i, &rounded, sizeof rounded);
    }
    for (int i = 0; i < count; i++) sum += numbers[i];
    inputs.scales[column] = most / 127.0f;
    inputs.sums[column] = sum;
}

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
    int pieces = 4 * pool_size(); /* small enough that nobody waits long for the last */
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

TARGET static void NAME(embed_column)(const void *context, int column, int worker) {
    (void)worker;
    const lg_columns *step = context;
    const lg_model *model = step->session->model;
    size_t width = (size_t)model->width;
    float *x = step->session->x + (size_t)column * width;
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

/* QK-norm and rotation of one head in place; RoPE turns its first half against the second. */
INLINE void NAME(place_head)(const lg_model *model, float *head, float *norm, int position) {
    int half = model->head_width / 2;
    if (norm == NULL) return;
    NAME(normalize)(head, (lg_norm){norm, NULL}, model->head_width, head);
    const float *cosines = model->cosines + (size_t)position * (size_t)half;
    const float *sines = model->sines + (size_t)position * (size_t)half;
    for (int i = 0; i < half; i++) {
        float first = head[i], second = head[i + half];
        head[i] = first * cosines[i] - second * sines[i];
        head[i + half] = second * cosines[i] + first * sines[i];
    }
}

/* A head's vector in 8 bits; where it has to be padded, that is done in `scratch`. */
INLINE void NAME(quantize_head)(const lg_model *model, const float *head, float *scratch,
                                lg_inputs inputs, int index) {
    if (model->head_width < model->padded_head) {
        memset(scratch, 0, (size_t)model->padded_head * sizeof *scratch);
        head = memcpy(scratch, head, (size_t)model->head_width * sizeof *scratch);
    }
    NAME(quantize)(head, model->padded_head, inputs, index);
}

/* Place and round the query of one head of a column; its key and value go into the cache. */
INLINE void NAME(remember)(const lg_columns *step, int column, int head, lg_cache cache,
                           lg_scratch scratch) {
    const lg_session *session = step->session;
    const lg_model *model = session->model;
    int padded_head = model->padded_head, position = step->positions[column];
    float *query = session->attention + (size_t)column * 3 * (size_t)model->width +
                   head * model->head_width;
    float *key = query + model->width, *value = key + model->width;
    NAME(place_head)(model, query, step->layer->query_norm, position);
    NAME(place_head)(model, key, step->layer->key_norm, position);
    NAME(quantize_head)(model, query, scratch.scores, session->queries, head * COLUMNS + column);
    int32_t sum;
    lg_inputs rounded = {scratch.numbers, cache.key_scales + position, &sum};
    NAME(quantize_head)(model, key, scratch.scores, rounded, 0);
    uint8_t *to = cache.keys + position / LANES * padded_head * LANES + position % LANES * 4;
    for (int i = 0; i < padded_head; i++)
        to[i / 4 * 4 * LANES + i % 4] = (uint8_t)(rounded.numbers[i] + 128);
    rounded.scales = cache.value_scales + position;
    NAME(quantize_head)(model, value, scratch.scores, rounded, 0);
    to = cache.values + position / 4 * 4 * LANES + position % 4;
    for (int i = 0; i < padded_head; i++)
        to[i / LANES * model->context * LANES + i % LANES * 4] = (uint8_t)(rounded.numbers[i] + 128);
}

/* Query · key of `count` positions, 16 at a time, but for the query's scale; of `columns` queries,
 * for each of which there are `stride` scores. */
INLINE void NAME(score)(lg_inputs queries, int query, int columns, lg_cache cache, int width,
                        int count, float *scores, int stride) {
    const uint8_t *keys = cache.keys;
    for (int first = 0; first < count; first += LANES, keys += width * LANES) {
        int32_t sums[ATTENDED][LANES];
        PRODUCT(keys, width, queries, query, columns, sums);
        for (int column = 0; column < columns; column++)
            for (int lane = 0; lane < LANES; lane += WIDTH) {
                ints sum;
                memcpy(&sum, sums[column] + lane, sizeof sum);
                vec scale = NAME(load)(cache.key_scales + first + lane);
                NAME(store)(scores + column * stride + first + lane,
                            __builtin_convertvector(sum, vec) * scale);
            }
    }
}

/* The largest of `count` numbers, of any count but 0. */
INLINE float NAME(largest_of)(const float *numbers, int count) {
    float largest[LANES];
    int whole = count / LANES * LANES;
    for (int lane = 0; lane < LANES; lane += WIDTH) {
        vec most = (vec){0} + numbers[0];
        for (int i = lane; i < whole; i += LANES)
            most = NAME(maximum)(most, NAME(load)(numbers + i));
        NAME(store)(largest + lane, most);
    }
    for (int i = whole; i < count; i++)
        largest[i - whole] = numbers[i] > largest[i - whole] ? numbers[i] : largest[i - whole];
    return NAME(largest)(largest);
}

/* e^(scale · score) of `count` positions, the largest being 1, and 0 behind them; their sum. */
INLINE float NAME(weigh)(float *scores, int count, float scale) {
    float most = NAME(largest_of)(scores, count);
    int end = padded(count);
    for (int i = 0; i < end; i += WIDTH)
        NAME(store)(scores + i, NAME(exponential)((NAME(load)(scores + i) - most) * scale));
    for (int i = count; i < end; i++) scores[i] = 0.0f;
    float partial[LANES];
    for (int lane = 0; lane < LANES; lane += WIDTH) {
        vec sum = {0};
        for (int i = lane; i < end; i += LANES) sum += NAME(load)(scores + i);
        NAME(store)(partial + lane, sum);
    }
    return NAME(total)(partial);
}

/* weight · scale of each position as whole numbers of two digits, base 128, of which the higher are
 * one vector of `stride` numbers and the lower the next: seven bits would be too coarse for what
 * many positions add up to. Returns the largest product, which became 128² − 1. */
INLINE float NAME(split)(float *weights, const float *scales, int count, lg_inputs digits,
                         int stride) {
    for (int i = 0; i < count; i += WIDTH)
        NAME(store)(weights + i, NAME(load)(weights + i) * NAME(load)(scales + i));
    float most = NAME(largest_of)(weights, count);
    float inverse = most > 0.0f ? 16383.0f / most : 0.0f;
    ints high_sum = {0}, low_sum = {0};
    for (int i = 0; i < count; i += WIDTH) {
        ints number = (ints)(NAME(load)(weights + i) * inverse + ROUNDING) & 16383;
        ints high = number >> 7, low = number & 127;
        bytes high_bytes = __builtin_convertvector(high, bytes);
        bytes low_bytes = __builtin_convertvector(low, bytes);
        memcpy(digits.numbers + i, &high_bytes, sizeof high_bytes);
        memcpy(digits.numbers + stride + i, &low_bytes, sizeof low_bytes);
        high_sum += high;
        low_sum += low;
    }
    memset(digits.numbers + count, 0, (size_t)(stride - count));
    memset(digits.numbers + stride + count, 0, (size_t)(stride - count));
    digits.sums[0] = digits.sums[1] = 0;
    for (int lane = 0; lane < WIDTH; lane++) {
        digits.sums[0] += high_sum[lane];
        digits.sums[1] += low_sum[lane];
    }
    return most;
}

/* Σ weight · value over `count` positions, times each column's scale, into vectors of `stride`. */
INLINE void NAME(mix)(lg_inputs digits, int columns, const uint8_t *values, int count,
                      const lg_model *model, const float *scales, float *mixed, int stride) {
    int width = model->head_width;
    for (int first = 0; first < width; first += LANES, values += model->context * LANES) {
        int32_t sums[2 * ATTENDED][LANES];
        PRODUCT(values, count, digits, 0, 2 * columns, sums);
        int left = width - first < LANES ? width - first : LANES;
        for (int column = 0; column < columns; column++) {
            float made[LANES];
            for (int lane = 0; lane < LANES; lane++)
                made[lane] = ((float)sums[2 * column][lane] * 128.0f +
                              (float)sums[2 * column + 1][lane]) * scales[column];
            memcpy(mixed + column * stride + first, made, (size_t)left * sizeof *made);
        }
    }
}

/* Attention of up to ATTENDED columns of one text with one head. What it holds is read once for all
 * of them; the last of them sees the most, and what the others do not see weighs nothing. */
INLINE void NAME(attend_columns)(const lg_columns *step, int first, int columns, int head,
                                 lg_cache cache, lg_scratch scratch) {
    const lg_session *session = step->session;
    const lg_model *model = session->model;
    int most = padded(step->positions[first + columns - 1] + 1), query = head * COLUMNS + first;
    NAME(score)(session->queries, query, columns, cache, model->padded_head, most, scratch.scores,
                most);
    int32_t digit_sums[2 * ATTENDED];
    float scales[ATTENDED];
    for (int column = 0; column < columns; column++) {
        float *scores = scratch.scores + column * most;
        int count = step->positions[first + column] + 1;
        lg_inputs digits = {scratch.numbers + 2 * column * most, NULL, digit_sums + 2 * column};
        float scale = session->queries.scales[query + column] * model->shape.attention_scale;
        float sum = NAME(weigh)(scores, count, scale);
        float largest = NAME(split)(scores, cache.value_scales, padded(count), digits, most);
        scales[column] = largest / (16383.0f * sum);
    }
    lg_inputs digits = {scratch.numbers, NULL, digit_sums};
    NAME(mix)(digits, columns, cache.values, most, model, scales,
              session->mixed + (size_t)first * (size_t)model->width + head * model->head_width,
              model->width);
}

/* One head of all columns of one text; pieces are numbered text · heads + head. */
TARGET static void NAME(attend)(const void *context, int piece, int worker) {
    const lg_columns *step = context;
    const lg_session *session = step->session;
    int text = piece / session->model->shape.heads, head = piece % session->model->shape.heads;
    int begin = step->texts[text], end = step->texts[text + 1];
    lg_cache cache = cache_of(session, step->layer_index, step->rows[begin], head);
    lg_scratch scratch = scratch_of(session, worker);
    for (int column = begin; column < end; column++)
        NAME(remember)(step, column, head, cache, scratch);
    for (int column = begin; column < end; column += ATTENDED)
        NAME(attend_columns)(step, column, end - column < ATTENDED ? end - column : ATTENDED, head,
                             cache, scratch);
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

/* One layer: attention and feed-forward, each on a normalised copy and added back. */
static void NAME(run_layer)(lg_columns *step, int count) {
    const lg_session *session = step->session;
    const lg_model *model = session->model;
    const lg_layer *layer = step->layer;
    int width = model->width, hidden = model->hidden;

    NAME(normalize_columns)(step, layer->attention_norm, count);
    NAME(project)(session, &layer->attention_in, count, STORE, session->attention, 3 * width);
    pool_run(NAME(attend), step, step->text_count * model->shape.heads);
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
    pool_run(NAME(embed_column), &step, count);
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
#undef bytes
#undef NAME
#undef TARGET
#undef WIDTH
#undef PRODUCT
