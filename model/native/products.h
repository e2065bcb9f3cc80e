/* Products of a block of 16 rows with up to TILE columns, one function per instruction set.
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

enum { AHEAD = 4096 }; /* bytes */

#define TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define TARGET_AVX2 __attribute__((target("avx2")))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Call `function` with a constant number of columns, so that its sums stay in registers, and with the
 * number of partial sums per column: with few columns a single sum would stall on itself. */
#define FOR_EACH_COUNT(columns, function, ...)          \
    switch (columns) {                                  \
        case 1: function(1, 4, __VA_ARGS__); break;     \
        case 2: function(2, 4, __VA_ARGS__); break;     \
        case 3: function(3, 2, __VA_ARGS__); break;     \
        case 4: function(4, 2, __VA_ARGS__); break;     \
        case 5: function(5, 1, __VA_ARGS__); break;     \
        case 6: function(6, 1, __VA_ARGS__); break;     \
        case 7: function(7, 1, __VA_ARGS__); break;     \
        default: function(TILE, 1, __VA_ARGS__); break; \
    }

/* The instruction takes biased weights; 128 · Σ numbers is subtracted at the end. Inline assembly,
 * since GCC copies the sums of the intrinsic back and forth. */
TARGET_VNNI ALWAYS_INLINE void columns_vnni(const int columns, const int parts,
                                            const uint8_t *weights, int count,
                                            const int8_t *numbers, const int32_t *number_sums,
                                            int32_t sums[][LANES]) {
    __m512i partial[4][TILE];
#pragma GCC unroll 4
    for (int part = 0; part < parts; part++)
#pragma GCC unroll 8
        for (int column = 0; column < columns; column++)
            partial[part][column] = _mm512_setzero_si512();
    for (int i = 0; i < count; i += 4 * parts)
#pragma GCC unroll 4
        for (int part = 0; part < parts; part++, weights += 4 * LANES) {
            __m512i four = _mm512_loadu_si512(weights);
            /* With enough columns the prefetched weights arrive in time. */
            if (parts == 1) _mm_prefetch((const char *)weights + AHEAD, _MM_HINT_T0);
#pragma GCC unroll 8
            for (int column = 0; column < columns; column++) {
                const int8_t *number = numbers + (size_t)column * (size_t)count + i + 4 * part;
                __asm__("vpdpbusd %2%{1to16%}, %1, %0"
                        : "+v"(partial[part][column])
                        : "v"(four), "m"(*(const int8_t(*)[4])number));
            }
        }
#pragma GCC unroll 8
    for (int column = 0; column < columns; column++) {
        __m512i sum = _mm512_set1_epi32(-128 * number_sums[column]);
#pragma GCC unroll 4
        for (int part = 0; part < parts; part++)
            sum = _mm512_add_epi32(sum, partial[part][column]);
        _mm512_storeu_si512(sums[column], sum);
    }
}

TARGET_VNNI static void product_vnni(const uint8_t *weights, int count, lg_inputs inputs, int first,
                                     int columns, int32_t sums[][LANES]) {
    const int8_t *numbers = inputs.numbers + (size_t)first * (size_t)count;
    FOR_EACH_COUNT(columns, columns_vnni, weights, count, numbers, inputs.sums + first, sums)
}

/* |numbers| · sign(numbers) weights: neither factor is −128, so pairs fit in 16 bits. Eight rows. */
TARGET_AVX2 ALWAYS_INLINE void columns_avx2(const int columns, const int parts,
                                            const uint8_t *weights, int count,
                                            const int8_t *numbers, int32_t *sums) {
    const __m256i bias = _mm256_set1_epi8(-128), ones = _mm256_set1_epi16(1);
    __m256i partial[4][TILE];
    for (int part = 0; part < parts; part++)
        for (int column = 0; column < columns; column++)
            partial[part][column] = _mm256_setzero_si256();
    for (int i = 0; i < count; i += 4 * parts)
#pragma GCC unroll 4
        for (int part = 0; part < parts; part++, weights += 4 * LANES) {
            __m256i four = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)weights), bias);
#pragma GCC unroll 8
            for (int column = 0; column < columns; column++) {
                const int8_t *at = numbers + (size_t)column * (size_t)count + i + 4 * part;
                __m256i number = _mm256_set1_epi32(four_numbers(at));
                __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(number),
                                                     _mm256_sign_epi8(four, number));
                partial[part][column] = _mm256_add_epi32(partial[part][column],
                                                         _mm256_madd_epi16(pairs, ones));
            }
        }
    for (int column = 0; column < columns; column++) {
        __m256i sum = partial[0][column];
        for (int part = 1; part < parts; part++)
            sum = _mm256_add_epi32(sum, partial[part][column]);
        _mm256_storeu_si256((__m256i *)(sums + column * LANES), sum);
    }
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
