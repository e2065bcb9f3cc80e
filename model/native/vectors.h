/* Operations on float vectors; part of step.inc, compiled once per instruction set. */

#define INLINE static inline __attribute__((always_inline)) TARGET
#define vec NAME(vec)
#define ints NAME(ints)
#define unsigneds NAME(unsigneds)
#define shorts NAME(shorts)
#define bytes NAME(bytes)

typedef float vec __attribute__((vector_size(4 * WIDTH)));
typedef int32_t ints __attribute__((vector_size(4 * WIDTH)));
/* For arithmetic on bit patterns: signed overflow is undefined. */
typedef uint32_t unsigneds __attribute__((vector_size(4 * WIDTH)));
typedef int16_t shorts __attribute__((vector_size(2 * WIDTH)));
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

/* e^x to two units in the last place, for x clamped to -87..88. After Cephes' expf. */
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
    unsigneds power = (unsigneds)shifted << 23; /* the integer is in its low bits */
    return (vec)((unsigneds)y + power);
}

/* The nearest integers to numbers below 2^22; arbitrary for others, which occur only when weights are
 * so large that something overflows. */
INLINE ints NAME(rounded)(vec x) {
    return (ints)((unsigneds)(x + ROUNDING) - (unsigneds)((vec){0} + ROUNDING));
}

/* The lowest byte of each, in two steps, for which compilers have instructions. */
INLINE bytes NAME(narrow)(ints numbers) {
    return __builtin_convertvector(__builtin_convertvector(numbers, shorts), bytes);
}

INLINE ints NAME(widen)(bytes numbers) {
    return __builtin_convertvector(__builtin_convertvector(numbers, shorts), ints);
}

/* The sum of LANES partial sums, pairwise. */
INLINE float NAME(total)(float *partial) {
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++) partial[lane] += partial[lane + half];
    return partial[0];
}

/* The largest of LANES numbers, pairwise. */
INLINE float NAME(largest)(float *numbers) {
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            numbers[lane] = numbers[lane] > numbers[lane + half] ? numbers[lane] : numbers[lane + half];
    return numbers[0];
}

/* Σ a·b over any `count` of numbers. */
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

/* RMSNorm with ε = 1e-6, or with a bias LayerNorm with ε = 1e-5. `out` may be `x`. */
INLINE void NAME(normalize)(const float *x, lg_norm norm, int count, float *out) {
    if (norm.bias == NULL) {
        float inverse = 1.0f / sqrtf(NAME(dot)(x, x, count) / (float)count + 1e-6f);
        int whole = count / WIDTH * WIDTH;
        for (int i = 0; i < whole; i += WIDTH)
            NAME(store)(out + i, NAME(load)(x + i) * inverse * NAME(load)(norm.weight + i));
        for (int i = whole; i < count; i++) out[i] = x[i] * inverse * norm.weight[i];
        return;
    }
    float mean = 0.0f;
    for (int i = 0; i < count; i++) mean += x[i];
    mean /= (float)count;
    for (int i = 0; i < count; i++) out[i] = x[i] - mean;
    float inverse = 1.0f / sqrtf(NAME(dot)(out, out, count) / (float)count + 1e-5f);
    for (int i = 0; i < count; i++) out[i] = out[i] * inverse * norm.weight[i] + norm.bias[i];
}

/* Round a vector, padded with zeros to 16, to 8 bits as input number `column`. If an element is
 * infinite, the numbers are arbitrary, but `sums` still matches them. */
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
    ints sums = {0};
    for (int i = 0; i < count; i += WIDTH) {
        bytes narrowed = NAME(narrow)(NAME(rounded)(NAME(load)(x + i) * inverse));
        memcpy(numbers + i, &narrowed, sizeof narrowed);
        sums += NAME(widen)(narrowed);
    }
    int32_t sum = 0;
    for (int lane = 0; lane < WIDTH; lane++) sum += sums[lane];
    inputs.scales[column] = most / 127.0f;
    inputs.sums[column] = sum;
}
