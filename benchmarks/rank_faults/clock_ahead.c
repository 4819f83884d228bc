/* A clock that is 100 days ahead, for one process: cc -shared -fPIC -o clock.so clock_ahead.c; LD_PRELOAD=clock.so COMMAND

   Only the time of day: clocks that count from the start of a machine differ between hosts anyway. Deadlines by the time
   of day are set back for the kernel, whose clock is not changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/time.h>
#include <time.h>

enum { AHEAD = 100 * 24 * 3600 };

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int error = real(clock, now);
  if (!error && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += AHEAD;
  return error;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *result, void *zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  result->tv_sec = now.tv_sec;
  result->tv_usec = now.tv_nsec / 1000;
  return 0;
}

static struct timespec set_back(const struct timespec *end) {
  struct timespec now, real = *end;
  clock_gettime(CLOCK_REALTIME, &now);
  if (end->tv_sec > now.tv_sec - AHEAD / 2) real.tv_sec -= AHEAD; /* else it is of another clock */
  return real;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (!real) real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  struct timespec set = set_back(end);
  return real(condition, mutex, &set);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *end) {
  static int (*real)(sem_t *, const struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "sem_timedwait");
  struct timespec set = set_back(end);
  return real(semaphore, &set);
}
