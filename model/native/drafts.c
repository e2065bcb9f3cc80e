/* Speculative tokens from the draft table; model/checkpoint/draft_table.py defines its format. */

#include "kernel.h"

static const int ORDERS[] = {3, 4, 5, 7}; /* lengths of contexts, shortest first */
enum { ORDER_COUNT = sizeof ORDERS / sizeof ORDERS[0] };

/* The entry of the longest known context at the end of these tokens, 0 if none is known. */
static uint32_t look_up(const uint32_t *slots, int bits, const int32_t *tokens, int count) {
    uint64_t key = 0;
    uint32_t found = 0;
    for (int order = 0, length = 0; order < ORDER_COUNT && ORDERS[order] <= count; order++) {
        for (; length < ORDERS[order]; length++)
            key = key * 0x9E3779B97F4A7C15u + (uint64_t)tokens[count - 1 - length] + 1;
        uint64_t mixed = (key ^ key >> 29) * 0xBF58476D1CE4E5B9u;
        uint32_t slot = slots[mixed >> (64 - bits)];
        if (slot >> 16 == (mixed >> 20 & 0xFFFF)) found = slot;
    }
    return found;
}

int lg_draft(const uint32_t *slots, int bits, int32_t *tokens, int count, const float *uniforms,
             int most) {
    int drafted = 0;
    for (; drafted < most; drafted++) {
        uint32_t slot = look_up(slots, bits, tokens, count + drafted);
        if (uniforms[drafted] * 256.0f >= (float)(slot & 0xFF)) break;
        tokens[count + drafted] = (int32_t)(slot >> 8 & 0xFF);
    }
    return drafted;
}
