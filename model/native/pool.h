/* A few threads that share out the pieces of one job at a time. */

#ifndef LITTERAGPT_POOL_H
#define LITTERAGPT_POOL_H

/* Do piece `piece` of the job that `context` describes; `worker` tells threads apart. */
typedef void pool_task(const void *context, int piece, int worker);

enum { POOL_THREADS = 256 };

/* Run all pieces and return when they are done. Any thread may call it. */
void pool_run(pool_task *task, const void *context, int pieces);

int pool_resize(int threads);
int pool_size(void);

#endif
