/* The thread pool of the kernel.
 *
 * Threads claim pieces: a preempted thread delays only the piece that it has claimed, and the caller
 * runs the pieces that no other thread claims. So a busy neighbour costs little, and a forked process,
 * which has lost its threads, still computes.
 *
 * Idle threads spin briefly, since a step is many short jobs, then yield their core, then sleep until
 * the next job.
 */

#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    SPINS = 2000,       /* pauses before yielding: some tens of microseconds */
    YIELDS = 200,       /* yields before sleeping, with the pauses below between them */
    PAUSES_A_YIELD = 20
};

/* A ticket is the number of the job (upper half) and the count of its unclaimed pieces (lower half);
 * the last piece is claimed first. */
static _Atomic uint64_t ticket;
static _Atomic(pool_task *) job_task;
static _Atomic(const void *) job_context;
static atomic_int pieces_done;

static atomic_flag in_use = ATOMIC_FLAG_INIT;
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_arrived = PTHREAD_COND_INITIALIZER;
static atomic_int sleepers;
static atomic_bool stopping;
static pthread_t threads[POOL_THREADS];
static atomic_int size = 1; /* the caller counts */

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline uint32_t job_of(uint64_t value) { return (uint32_t)(value >> 32); }

static inline int unclaimed(uint64_t value) { return (int)(uint32_t)value; }

/* Claim and run pieces of the job `number` until all are claimed. */
static void work(uint32_t number, int worker) {
    uint64_t seen = atomic_load(&ticket);
    while (job_of(seen) == number && unclaimed(seen) > 0) {
        /* They belong to the job if the ticket is still the same below: it has an unclaimed piece,
         * and the next job waits for all pieces of this one. */
        pool_task *task = atomic_load_explicit(&job_task, memory_order_relaxed);
        const void *context = atomic_load_explicit(&job_context, memory_order_relaxed);
        if (atomic_compare_exchange_weak(&ticket, &seen, seen - 1)) {
            task(context, unclaimed(seen) - 1, worker);
            atomic_fetch_add(&pieces_done, 1);
            seen = atomic_load(&ticket);
        }
    }
}

static void sleep_until_work(uint32_t number) {
    pthread_mutex_lock(&sleep_lock);
    atomic_fetch_add(&sleepers, 1);
    while (job_of(atomic_load(&ticket)) == number && !atomic_load(&stopping))
        pthread_cond_wait(&work_arrived, &sleep_lock);
    atomic_fetch_sub(&sleepers, 1);
    pthread_mutex_unlock(&sleep_lock);
}

/* Wait for a job after `number`. Returns its number, or `number` if the pool is stopping. */
static uint32_t await_job(uint32_t number) {
    for (int tries = 0; tries < SPINS + YIELDS * PAUSES_A_YIELD; tries++) {
        uint32_t current = job_of(atomic_load_explicit(&ticket, memory_order_acquire));
        if (current != number || atomic_load_explicit(&stopping, memory_order_relaxed))
            return current;
        if (tries > SPINS && tries % PAUSES_A_YIELD == 0) sched_yield();
        pause_briefly();
    }
    sleep_until_work(number);
    return job_of(atomic_load(&ticket));
}

static void *serve(void *worker) {
    uint32_t number = job_of(atomic_load(&ticket));
    while (!atomic_load(&stopping)) {
        uint32_t next = await_job(number);
        if (next != number) work(next, (int)(intptr_t)worker);
        number = next;
    }
    return NULL;
}

static void wake_sleepers(void) {
    if (atomic_load(&sleepers) == 0) return;
    pthread_mutex_lock(&sleep_lock);
    pthread_cond_broadcast(&work_arrived);
    pthread_mutex_unlock(&sleep_lock);
}

void pool_run(pool_task *task, const void *context, int pieces) {
    bool alone = pieces <= 1 || atomic_load_explicit(&size, memory_order_relaxed) == 1;
    if (alone || atomic_flag_test_and_set(&in_use)) {
        for (int piece = 0; piece < pieces; piece++) task(context, piece, 0);
        return;
    }
    atomic_store_explicit(&job_task, task, memory_order_relaxed);
    atomic_store_explicit(&job_context, context, memory_order_relaxed);
    atomic_store_explicit(&pieces_done, 0, memory_order_relaxed);
    uint32_t number = job_of(atomic_load(&ticket)) + 1;
    atomic_store(&ticket, (uint64_t)number << 32 | (uint32_t)pieces);
    wake_sleepers();
    work(number, 0);
    for (int spins = 0; atomic_load(&pieces_done) < pieces; spins++) {
        if (spins > SPINS) sched_yield();
        pause_briefly();
    }
    atomic_flag_clear(&in_use);
}

int pool_size(void) { return atomic_load(&size); }

static void forget_threads(void) {
    atomic_store(&size, 1);
    atomic_store(&sleepers, 0);
    atomic_flag_clear(&in_use);
}

static void stop_threads(void) {
    atomic_store(&stopping, true);
    wake_sleepers();
    for (int worker = 1; worker < atomic_load(&size); worker++) pthread_join(threads[worker], NULL);
    atomic_store(&stopping, false);
    atomic_store(&size, 1);
}

int pool_resize(int wanted) {
    static bool watching_forks;
    while (atomic_flag_test_and_set(&in_use)) sched_yield();
    if (!watching_forks) watching_forks = pthread_atfork(NULL, NULL, forget_threads) == 0;
    stop_threads();
    int started = 1;
    while (started < wanted && started < POOL_THREADS &&
           pthread_create(&threads[started], NULL, serve, (void *)(intptr_t)started) == 0)
        started++;
    atomic_store(&size, started);
    atomic_flag_clear(&in_use);
    return started;
}
