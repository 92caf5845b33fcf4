/**
 * Loaded into the runtime: when the process has done next to nothing for a while, gives back memory that it can have
 * again at once. That is code and constants, which are in the page cache anyway and of which a start touches much that
 * is never used again, and what `free` has kept. HAKIRI_IDLE_TRIM=0 switches it off.
 */
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW_SECONDS = 5, IDLE_MILLISECONDS = 25, STACK_BYTES = 64 * 1024 };

static long cpu_milliseconds(void) {
  struct timespec used;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return 0;
  return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/** Only segments that nobody may write: their pages are those of the file, and are read from there again. */
static int trim_object(struct dl_phdr_info *object, size_t size, void *nothing) {
  (void)size, (void)nothing;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
    uintptr_t from = (object->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
    uintptr_t to = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
    if (to > from) madvise((void *)from, to - from, MADV_DONTNEED);
  }
  return 0;
}

static void *watch(void *nothing) {
  long before = cpu_milliseconds();
  int trimmed = 0;
  for (;;) {
    sleep(WINDOW_SECONDS);
    long now = cpu_milliseconds();
    int idle = now - before < IDLE_MILLISECONDS;
    if (idle && !trimmed) {
      dl_iterate_phdr(trim_object, NULL);
      malloc_trim(0);
      now = cpu_milliseconds();
    }
    trimmed = idle;
    before = now;
  }
  return nothing;
}

__attribute__((constructor)) static void start_to_watch(void) {
  const char *wanted = getenv("HAKIRI_IDLE_TRIM");
  if (wanted != NULL && strcmp(wanted, "0") == 0) return;
  // The runtime handles signals in its own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_create(&thread, &attributes, watch, NULL);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}
