/* Products of a block of 16 rows with up to TILE columns, one function an instruction set.
 *
 *   sums[column][row] = Σ (weights − 128) · numbers, exact in 32 bits for up to 65,000 inputs
 *
 * The weights of the block are read once and the columns share them in registers.
 */

#ifndef LITTERAGPT_PRODUCTS_H
#define LITTERAGPT_PRODUCTS_H

#include <string.h>

#include "model.h"

static inline int32_t four_numbers(const int8_t *numbers) {
    int32_t four;
    memcpy(&four, numbers, sizeof four);
    return four;
}

static void product_plain(const uint8_t *weights, int count, lg_inputs inputs, int first,
                          int columns, int32_t sums[][LANES]) {
    for (int column = 0; column < columns; column++) {
        const int8_t *numbers = inputs.numbers + (size_t)(first + column) * (size_t)count;
        const uint8_t *block = weights;
        memset(sums[column], 0, sizeof sums[column]);
        for (int i = 0; i < count; i += 4, block += 4 * LANES)
            for (int row = 0; row < LANES; row++)
                for (int j = 0; j < 4; j++)
                    sums[column][row] += (block[4 * row + j] - 128) * numbers[i + j];
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define TARGET_AVX2 __attribute__((target("avx2")))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Call `function` with the number of columns as a constant, so that its sums stay in registers. */
#define FOR_EACH_COUNT(columns, function, ...)        \
    switch (columns) {                                \
        case 1: function(1, __VA_ARGS__); break;      \
        case 2: function(2, __VA_ARGS__); break;      \
        case 3: function(3, __VA_ARGS__); break;      \
        case 4: function(4, __VA_ARGS__); break;      \
        case 5: function(5, __VA_ARGS__); break;      \
        case 6: function(6, __VA_ARGS__); break;      \
        case 7: function(7, __VA_ARGS__); break;      \
        default: function(TILE, __VA_ARGS__); break;  \
    }

TARGET_VNNI ALWAYS_INLINE __m512i add_products_vnni(__m512i sums, const uint8_t *weights,
                                                    const int8_t *numbers) {
    return _mm512_dpbusd_epi32(sums, _mm512_loadu_si512(weights),
                               _mm512_set1_epi32(four_numbers(numbers)));
}

/* The instruction takes the weights with their bias; 128 · Σ numbers comes off at the end. */
TARGET_VNNI ALWAYS_INLINE void unbias_vnni(__m512i biased, int32_t sum, int32_t *sums) {
    _mm512_storeu_si512(sums, _mm512_sub_epi32(biased, _mm512_set1_epi32(128 * sum)));
}

TARGET_VNNI ALWAYS_INLINE void columns_vnni(const int columns, const uint8_t *weights, int count,
                                            const int8_t *numbers, const int32_t *number_sums,
                                            int32_t sums[][LANES]) {
    __m512i biased[TILE];
    for (int column = 0; column < columns; column++) biased[column] = _mm512_setzero_si512();
    for (int i = 0; i < count; i += 4, weights += 4 * LANES)
#pragma GCC unroll 8
        for (int column = 0; column < columns; column++)
            biased[column] = add_products_vnni(biased[column], weights,
                                               numbers + (size_t)column * (size_t)count + i);
    for (int column = 0; column < columns; column++)
        unbias_vnni(biased[column], number_sums[column], sums[column]);
}

/* A single column would wait for its own sums, so it has four of them. */
TARGET_VNNI ALWAYS_INLINE void column_vnni(const uint8_t *weights, int count, const int8_t *numbers,
                                           int32_t number_sum, int32_t *sums) {
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    for (int i = 0; i < count; i += 16, weights += 16 * LANES, numbers += 16) {
        a = add_products_vnni(a, weights, numbers);
        b = add_products_vnni(b, weights + 4 * LANES, numbers + 4);
        c = add_products_vnni(c, weights + 8 * LANES, numbers + 8);
        d = add_products_vnni(d, weights + 12 * LANES, numbers + 12);
    }
    unbias_vnni(_mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d)), number_sum, sums);
}

TARGET_VNNI static void product_vnni(const uint8_t *weights, int count, lg_inputs inputs, int first,
                                     int columns, int32_t sums[][LANES]) {
    const int8_t *numbers = inputs.numbers + (size_t)first * (size_t)count;
    if (columns == 1)
        column_vnni(weights, count, numbers, inputs.sums[first], sums[0]);
    else
        FOR_EACH_COUNT(columns, columns_vnni, weights, count, numbers, inputs.sums + first, sums)
}

/* |numbers| · sign(numbers) weights: neither factor is −128, so pairs fit in 16 bits. Eight rows. */
TARGET_AVX2 ALWAYS_INLINE void columns_avx2(const int columns, const uint8_t *weights, int count,
                                            const int8_t *numbers, int32_t *sums) {
    const __m256i bias = _mm256_set1_epi8(-128), ones = _mm256_set1_epi16(1);
    __m256i eight[TILE];
    for (int column = 0; column < columns; column++) eight[column] = _mm256_setzero_si256();
    for (int i = 0; i < count; i += 4, weights += 4 * LANES) {
        __m256i four = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)weights), bias);
#pragma GCC unroll 8
        for (int column = 0; column < columns; column++) {
            __m256i number =
                _mm256_set1_epi32(four_numbers(numbers + (size_t)column * (size_t)count + i));
            __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(number),
                                                 _mm256_sign_epi8(four, number));
            eight[column] = _mm256_add_epi32(eight[column], _mm256_madd_epi16(pairs, ones));
        }
    }
    for (int column = 0; column < columns; column++)
        _mm256_storeu_si256((__m256i *)(sums + column * LANES), eight[column]);
}

TARGET_AVX2 static void product_avx2(const uint8_t *weights, int count, lg_inputs inputs, int first,
                                     int columns, int32_t sums[][LANES]) {
    const int8_t *numbers = inputs.numbers + (size_t)first * (size_t)count;
    for (int half = 0; half < 2; half++)
        FOR_EACH_COUNT(columns, columns_avx2, weights + half * 2 * LANES, count, numbers,
                       sums[0] + half * 8)
}
#endif

#if defined(__aarch64__)
#include <arm_neon.h>

#define TARGET_DOTPROD __attribute__((target("+dotprod")))

TARGET_DOTPROD static void product_dotprod(const uint8_t *weights, int count, lg_inputs inputs,
                                           int first, int columns, int32_t sums[][LANES]) {
    const uint8x16_t bias = vdupq_n_u8(128);
    for (int quarter = 0; quarter < 4; quarter++, weights += LANES) {
        int32x4_t four_rows[TILE];
        for (int column = 0; column < columns; column++) four_rows[column] = vdupq_n_s32(0);
        for (int i = 0; i < count; i += 4) {
            int8x16_t four = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(weights + i * LANES), bias));
            for (int column = 0; column < columns; column++) {
                const int8_t *numbers = inputs.numbers + (size_t)(first + column) * (size_t)count;
                int8x16_t number = vreinterpretq_s8_s32(vdupq_n_s32(four_numbers(numbers + i)));
                four_rows[column] = vdotq_s32(four_rows[column], four, number);
            }
        }
        for (int column = 0; column < columns; column++)
            vst1q_s32(sums[column] + 4 * quarter, four_rows[column]);
    }
}
#endif

#endif
