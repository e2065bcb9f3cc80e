/* Sampling the next token of each text from its logits, as in model/pytorch/sampling.py. */

#include <math.h>

#include "model.h"
#include "pool.h"

/* Whether `a` ranks before `b`: the more likely first, among equals the lower id. */
static int precedes(lg_candidate a, lg_candidate b) {
    return a.probability > b.probability || (a.probability == b.probability && a.id < b.id);
}

/* Restore the heap below `root`, so that every candidate precedes its children. */
static void sift(lg_candidate *heap, int count, int root) {
    lg_candidate moved = heap[root];
    for (int child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && precedes(heap[child + 1], heap[child])) child++;
        if (!precedes(heap[child], moved)) break;
        heap[root] = heap[child];
    }
    heap[root] = moved;
}

/* exp((logit + mask) / temperature), scaled so that the largest is 1. Returns the sum. */
static float softmax_terms(const float *logits, const float *mask, int count, float temperature,
                   lg_candidate *out) {
    float most = -INFINITY, sum = 0.0f;
    for (int id = 0; id < count; id++) most = fmaxf(most, logits[id] + mask[id]);
    for (int id = 0; id < count; id++) {
        float probability = expf((logits[id] + mask[id] - most) / temperature);
        out[id] = (lg_candidate){probability, id};
        sum += probability;
    }
    return sum;
}

/* Move the smallest set of most likely ids with a probability of `limit` to the end of `heap`, the most
 * likely last. Returns their number, and their probability in `held`. */
static int keep_nucleus(lg_candidate *heap, int count, float limit, float *held) {
    for (int root = count / 2 - 1; root >= 0; root--) sift(heap, count, root);
    int left = count;
    *held = 0.0f;
    do {
        lg_candidate taken = heap[0];
        *held += taken.probability;
        heap[0] = heap[--left];
        sift(heap, left, 0);
        heap[left] = taken;
    } while (left > 0 && heap[0].probability > 0.0f && *held < limit);
    return count - left;
}

static int32_t draw_one(const float *logits, const float *mask, int count, float temperature,
                        float top_p, float uniform, lg_candidate *heap) {
    /* Dividing by a smaller temperature may overflow: it counts as zero, the most likely id alone. */
    int greedy = temperature < 1e-3f;
    float sum = softmax_terms(logits, mask, count, greedy ? 1.0f : temperature, heap);
    float held;
    int kept = keep_nucleus(heap, count, greedy ? 0.0f : top_p * sum, &held);
    float target = uniform * held, passed = 0.0f;
    for (int place = 1; place < kept; place++) {
        passed += heap[count - place].probability;
        if (passed > target) return heap[count - place].id;
    }
    return heap[count - kept].id; /* also if rounding puts the target after the last */
}

/* The log-probability of an id under the mask, at temperature 1. */
static float likelihood_of(const float *logits, const float *mask, int count, int32_t drawn) {
    float most = -INFINITY, sum = 0.0f;
    for (int id = 0; id < count; id++) most = fmaxf(most, logits[id] + mask[id]);
    for (int id = 0; id < count; id++) sum += expf(logits[id] + mask[id] - most);
    return logits[drawn] + mask[drawn] - most - logf(sum);
}

/* The arguments of lg_draw. */
typedef struct {
    const lg_session *session;
    const int32_t *places, *masks;
    const float *temperatures, *top_ps, *uniforms;
    int32_t *drawn;
    float *likelihoods;
} lg_draws;

static void draw_piece(const void *context, int i, int worker) {
    const lg_draws *draws = context;
    const lg_session *session = draws->session;
    int size = session->model->shape.vocabulary;
    const float *logits = session->logits + (size_t)draws->places[i] * (size_t)size;
    const float *mask = session->masks + (size_t)draws->masks[i] * (size_t)size;
    draws->drawn[i] = draw_one(logits, mask, size, draws->temperatures[i], draws->top_ps[i],
                               draws->uniforms[i], session->scratch[worker].heap);
    draws->likelihoods[i] = likelihood_of(logits, mask, size, draws->drawn[i]);
}

int lg_draw(lg_session *session, int count, const int32_t *places, const int32_t *masks,
            const float *temperatures, const float *top_ps, const float *uniforms,
            int32_t *drawn, float *likelihoods) {
    for (int i = 0; i < count; i++)
        if (places[i] < 0 || places[i] >= session->places || masks[i] < 0 ||
            masks[i] >= session->mask_count)
            return -1;
    lg_draws draws = {session, places, masks, temperatures, top_ps, uniforms, drawn, likelihoods};
    pool_run(draw_piece, &draws, count);
    return 0;
}
