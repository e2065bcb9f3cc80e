/* Attention of the columns of a step; a part of step.h, once for every instruction set.
 *
 * With many texts the cache of keys and values is more than the processor's own caches hold, and
 * what counts is that it is read from memory in long runs: that is why all heads of a text are
 * taken together, a chunk of positions after another, as they lie there.
 */

/* QK-norm and rotation of one head in place; RoPE turns its first half against the second. */
INLINE void NAME(place_head)(const lg_model *model, float *head, float *norm, int position) {
    int half = model->head_width / 2;
    if (norm == NULL) return;
    NAME(normalize)(head, (lg_norm){norm, NULL}, model->head_width, head);
    const float *cosines = model->cosines + (size_t)position * (size_t)half;
    const float *sines = model->sines + (size_t)position * (size_t)half;
    int whole = half / WIDTH * WIDTH;
    for (int i = 0; i < whole; i += WIDTH) {
        vec first = NAME(load)(head + i), second = NAME(load)(head + half + i);
        vec cosine = NAME(load)(cosines + i), sine = NAME(load)(sines + i);
        NAME(store)(head + i, first * cosine - second * sine);
        NAME(store)(head + half + i, second * cosine + first * sine);
    }
    for (int i = whole; i < half; i++) {
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

/* Lay a key out as row `row` of a matrix: four numbers side by side. */
INLINE void NAME(keep_key)(const int8_t *numbers, int count, uint8_t *keys, int row) {
    keys += row / LANES * count * LANES + row % LANES * 4;
    for (int i = 0; i < count; i += 4) {
        uint32_t four;
        memcpy(&four, numbers + i, sizeof four);
        four ^= 0x80808080u; /* the bias of 128 */
        memcpy(keys + i * LANES, &four, sizeof four);
    }
}

/* Lay a value out as input `input` of a matrix of CHUNK inputs: a byte of every fourth. */
INLINE void NAME(keep_value)(const int8_t *numbers, int count, uint8_t *values, int input) {
    int shift = input % 4 * 8;
    values += input / 4 * 4 * LANES;
    for (int i = 0; i < count; i += WIDTH) {
        uint8_t *to = values + i / LANES * CHUNK * LANES + i % LANES * 4;
        bytes number;
        ints four;
        memcpy(&number, numbers + i, sizeof number);
        memcpy(&four, to, sizeof four);
        ints biased = (ints)((unsigneds)(NAME(widen)(number) + 128) << shift);
        four = (four & ~((ints){0} + (int32_t)(0xffu << shift))) | biased;
        memcpy(to, &four, sizeof four);
    }
}

/* Place and round the query of one head of a column; its key and value go into the cache. */
INLINE void NAME(remember)(const lg_attention *job, int column, int head) {
    const lg_columns *step = job->step;
    const lg_session *session = step->session;
    const lg_model *model = session->model;
    int position = step->positions[column], within = position % CHUNK;
    lg_cache cache = cache_of(session, step->layer_index, job->row, position / CHUNK, head);
    float *query = session->attention + (size_t)column * 3 * (size_t)model->width +
                   head * model->head_width;
    float *key = query + model->width, *value = key + model->width;
    NAME(place_head)(model, query, step->layer->query_norm, position);
    NAME(place_head)(model, key, step->layer->key_norm, position);
    float *scratch = job->scratch.scores;
    NAME(quantize_head)(model, query, scratch, session->queries, head * COLUMNS + column);
    int32_t sum;
    lg_inputs rounded = {job->scratch.numbers, cache.key_scales + within, &sum};
    NAME(quantize_head)(model, key, scratch, rounded, 0);
    NAME(keep_key)(rounded.numbers, model->padded_head, cache.keys, within);
    rounded.scales = cache.value_scales + within;
    NAME(quantize_head)(model, value, scratch, rounded, 0);
    NAME(keep_value)(rounded.numbers, model->padded_head, cache.values, within);
}

INLINE float *NAME(scores_of)(const lg_attention *job, int head, int column) {
    return job->scratch.scores + ((head - job->head) * job->columns + column) * job->most;
}

/* Where the digits of the weights of a chunk are, see `split`: two vectors a column. */
INLINE lg_inputs NAME(digits_of)(const lg_attention *job, int head, int begin) {
    int vectors = 2 * job->columns, own = head - job->head;
    return (lg_inputs){job->scratch.numbers + (own * job->most + begin) * vectors, NULL,
                       job->scratch.digit_sums + (own * job->chunks + begin / CHUNK) * vectors};
}

/* Query · key of the positions of a chunk, but for the query's scale. */
INLINE void NAME(score)(const lg_attention *job, int head, int begin) {
    const lg_session *session = job->step->session;
    int width = session->model->padded_head, end = begin + chunk_size(job, begin);
    lg_cache cache = cache_of(session, job->step->layer_index, job->row, begin / CHUNK, head);
    for (int first = begin; first < end; first += LANES, cache.keys += width * LANES) {
        int32_t sums[ATTENDED][LANES];
        PRODUCT(cache.keys, width, session->queries, head * COLUMNS + job->first, job->columns,
                sums);
        for (int column = 0; column < job->columns; column++)
            for (int lane = 0; lane < LANES; lane += WIDTH) {
                ints sum;
                memcpy(&sum, sums[column] + lane, sizeof sum);
                vec scale = NAME(load)(cache.key_scales + first % CHUNK + lane);
                NAME(store)(NAME(scores_of)(job, head, column) + first + lane,
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

/* e^(scale · score) of `count` positions, the largest being 1, and 0 from there to `end`; their
 * sum. */
INLINE float NAME(weigh)(float *scores, int count, int end, float scale) {
    float most = NAME(largest_of)(scores, count);
    for (int i = 0; i < padded(count); i += WIDTH)
        NAME(store)(scores + i, NAME(exponential)((NAME(load)(scores + i) - most) * scale));
    memset(scores + count, 0, (size_t)(end - count) * sizeof *scores);
    float partial[LANES];
    for (int lane = 0; lane < LANES; lane += WIDTH) {
        vec sum = {0};
        for (int i = lane; i < end; i += LANES) sum += NAME(load)(scores + i);
        NAME(store)(partial + lane, sum);
    }
    return NAME(total)(partial);
}

/* Numbers up to 128² − 1, once multiplied, as two digits to the base 128: the higher in one vector
 * and the lower in the next. */
INLINE void NAME(split)(const float *weights, float factor, int count, lg_inputs digits) {
    ints high_sum = {0}, low_sum = {0};
    for (int i = 0; i < count; i += WIDTH) {
        ints number = NAME(rounded)(NAME(load)(weights + i) * factor);
        ints high = number >> 7, low = number & 127;
        bytes high_bytes = NAME(narrow)(high);
        bytes low_bytes = NAME(narrow)(low);
        memcpy(digits.numbers + i, &high_bytes, sizeof high_bytes);
        memcpy(digits.numbers + count + i, &low_bytes, sizeof low_bytes);
        high_sum += NAME(widen)(high_bytes);
        low_sum += NAME(widen)(low_bytes);
    }
    digits.sums[0] = digits.sums[1] = 0;
    for (int lane = 0; lane < WIDTH; lane++) {
        digits.sums[0] += high_sum[lane];
        digits.sums[1] += low_sum[lane];
    }
}

/* Scores of a column with a head become digits of weight · the value's scale: seven bits would be
 * too coarse for what many positions add up to. Returns what the digits are to be multiplied by. */
INLINE float NAME(weigh_values)(const lg_attention *job, int head, int column) {
    const lg_session *session = job->step->session;
    float *weights = NAME(scores_of)(job, head, column);
    float scale = session->queries.scales[head * COLUMNS + job->first + column] *
                  session->model->shape.attention_scale;
    int seen = job->step->positions[job->first + column] + 1;
    float sum = NAME(weigh)(weights, seen, job->most, scale);
    for (int begin = 0; begin < job->most; begin += CHUNK) {
        lg_cache cache = cache_of(session, job->step->layer_index, job->row, begin / CHUNK, head);
        int count = chunk_size(job, begin);
        for (int i = 0; i < count; i += WIDTH)
            NAME(store)(weights + begin + i,
                        NAME(load)(weights + begin + i) * NAME(load)(cache.value_scales + i));
    }
    float largest = NAME(largest_of)(weights, job->most);
    float factor = largest > 0.0f ? 16383.0f / largest : 0.0f;
    for (int begin = 0; begin < job->most; begin += CHUNK) {
        int count = chunk_size(job, begin);
        lg_inputs digits = NAME(digits_of)(job, head, begin);
        digits.numbers += 2 * column * count;
        digits.sums += 2 * column;
        NAME(split)(weights + begin, factor, count, digits);
    }
    return largest / (16383.0f * sum);
}

/* Σ digit · value of the positions of a chunk, added to the sums of the head: 16 numbers of each
 * digit of each column side by side. */
INLINE void NAME(mix)(const lg_attention *job, int head, int begin) {
    const lg_session *session = job->step->session;
    const lg_model *model = session->model;
    lg_cache cache = cache_of(session, job->step->layer_index, job->row, begin / CHUNK, head);
    lg_inputs digits = NAME(digits_of)(job, head, begin);
    int32_t *totals = job->scratch.totals + (head - job->head) * model->padded_head * 2 * ATTENDED;
    for (int block = 0; block < model->padded_head / LANES; block++) {
        int32_t sums[2 * ATTENDED][LANES];
        PRODUCT(cache.values + block * CHUNK * LANES, chunk_size(job, begin), digits, 0,
                2 * job->columns, sums);
        for (int vector = 0; vector < 2 * job->columns; vector++, totals += LANES)
            for (int lane = 0; lane < LANES; lane++)
                totals[lane] = sums[vector][lane] + (begin > 0 ? totals[lane] : 0);
    }
}

/* The sums of a head become its part of what each column is given. */
INLINE void NAME(gather)(const lg_attention *job, int head, const float *factors) {
    const lg_model *model = job->step->session->model;
    const int32_t *totals =
        job->scratch.totals + (head - job->head) * model->padded_head * 2 * ATTENDED;
    for (int first = 0; first < model->head_width; first += LANES)
        for (int column = 0; column < job->columns; column++, totals += 2 * LANES) {
            float made[LANES];
            for (int lane = 0; lane < LANES; lane++)
                made[lane] = ((float)totals[lane] * 128.0f + (float)totals[LANES + lane]) *
                             factors[column];
            int left = model->head_width - first < LANES ? model->head_width - first : LANES;
            memcpy(job->step->session->mixed +
                       (size_t)(job->first + column) * (size_t)model->width +
                       head * model->head_width + first,
                   made, (size_t)left * sizeof *made);
        }
}

/* What the heads hold is read once for all columns; the last of them sees the most, and what the
 * others do not see weighs nothing. */
INLINE void NAME(attend_columns)(const lg_attention *job) {
    int end = job->head + job->heads;
    for (int begin = 0; begin < job->most; begin += CHUNK)
        for (int head = job->head; head < end; head++) NAME(score)(job, head, begin);
    float *factors = job->scratch.factors;
    for (int head = job->head; head < end; head++)
        for (int column = 0; column < job->columns; column++)
            *factors++ = NAME(weigh_values)(job, head, column);
    for (int begin = 0; begin < job->most; begin += CHUNK)
        for (int head = job->head; head < end; head++) NAME(mix)(job, head, begin);
    factors = job->scratch.factors;
    for (int head = job->head; head < end; head++, factors += job->columns)
        NAME(gather)(job, head, factors);
}

/* Some heads of all columns of one text; pieces are numbered by text and, in it, by heads. */
TARGET static void NAME(attend)(const void *context, int piece, int worker) {
    const lg_columns *step = context;
    int groups = step->session->model->shape.heads / step->heads_a_piece;
    int begin = step->texts[piece / groups], end = step->texts[piece / groups + 1];
    lg_attention job = {.step = step,
                        .row = step->rows[begin],
                        .head = piece % groups * step->heads_a_piece,
                        .heads = step->heads_a_piece,
                        .scratch = step->session->scratch[worker]};
    for (int column = begin; column < end; column++)
        for (int head = job.head; head < job.head + job.heads; head++)
            NAME(remember)(&job, column, head);
    for (job.first = begin; job.first < end; job.first += ATTENDED) {
        job.columns = end - job.first < ATTENDED ? end - job.first : ATTENDED;
        job.most = padded(step->positions[job.first + job.columns - 1] + 1);
        job.chunks = (job.most + CHUNK - 1) / CHUNK;
        NAME(attend_columns)(&job);
    }
}

