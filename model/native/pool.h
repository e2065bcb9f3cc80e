/* A thread pool that runs the pieces of one job at a time. */

#ifndef LITTERAGPT_POOL_H
#define LITTERAGPT_POOL_H

/* Run piece `piece` of the job `context`; `worker` is the thread's number. */
typedef void pool_task(const void *context, int piece, int worker);

enum { POOL_THREADS = 256 };

/* Run all pieces and return when they are done. Thread-safe. */
void pool_run(pool_task *task, const void *context, int pieces);

int pool_resize(int threads);
int pool_size(void);

#endif
