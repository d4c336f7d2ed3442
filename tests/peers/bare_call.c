/* Calls a plugin's library without a hub: opens it, calls it again and again on one thread, and reads nothing of the
 * answer. Prints the nanoseconds of a call, in the best of several rounds.
 *
 * bare_call LIBRARY NAME INPUT CALLS, where INPUT is a file. */

#include "gesher_plugin.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 50
#define INPUT_BYTES_MAX (1 << 20)

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e9 + at.tv_nsec;
}

int main(int count, char **words) {
  if (count != 5) return 2;
  /* Large answers stay with the process: it is the call that is measured, not the system's pages. */
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  void *library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
  const GesherPluginV1 *(*entry)(void) = (const GesherPluginV1 *(*)(void))dlsym(library, "gesher_plugin_v1");
  if (entry == NULL) return fprintf(stderr, "it is no plugin\n"), 1;
  const GesherPluginV1 *plugin = entry();
  static uint8_t input[INPUT_BYTES_MAX];
  FILE *file = fopen(words[3], "r");
  if (file == NULL) return perror(words[3]), 1;
  size_t bytes = fread(input, 1, sizeof input, file), name = 0;
  while (words[2][name] != 0) name++;
  double best = 1e18;
  for (int round = 0; round < ROUNDS; round++) {
    double began = now();
    for (long call = 0, calls = atol(words[4]); call < calls; call++) {
      GesherBuffer answer = {NULL, 0, 0};
      int32_t status = plugin->invoke(NULL, (uint64_t)call, (GesherBytes){(const uint8_t *)words[2], name},
                                      (GesherBytes){input, bytes}, &answer);
      if (status != GESHER_OK || answer.len == 0) return fprintf(stderr, "it answers %d\n", status), 1;
      plugin->free(answer);
    }
    double took = (now() - began) / atol(words[4]);
    if (took < best) best = took;
  }
  printf("%.0f\n", best);
  return 0;
}
