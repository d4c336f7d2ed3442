/* Libraries that do what no plugin should, for the tests of the host. Each operation misbehaves in its own way; what
 * is wrong with the library itself is chosen when it is compiled. */

#include "gesher_plugin.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ABI
#define ABI GESHER_ABI
#endif
#ifndef SIZE
#define SIZE sizeof(GesherPluginV1)
#endif
#ifndef SYMBOL
#define SYMBOL gesher_plugin_v1
#endif

/* Four hundred bytes of it. */
#define WAVE "water water water water water water water water water water "
#define WATER WAVE WAVE WAVE WAVE WAVE WAVE WAVE

#define READ(name)                                                                                                   \
  "{\"name\":\"" name "\",\"summary\":\"Misbehave.\",\"effect\":\"read\",\"request_schema\":{},"                     \
  "\"answer_schema\":{\"type\":\"object\"}},"
#define WRITE(name)                                                                                                  \
  "{\"name\":\"write_" name "\",\"summary\":\"Misbehave.\",\"effect\":\"write\",\"key\":\"required\","               \
  "\"request_schema\":{},\"answer_schema\":{\"type\":\"object\"}},"
#define BOTH(name) READ(name) WRITE(name)
#define SOURCE(name) "{\"name\":\"on_" name "\"},"

static const char MANIFEST[] =
#ifdef BAD_MANIFEST
    "{\"abi\":1,";
#else
    "{\"abi\":1,\"name\":\"hostile\",\"version\":\"1\",\"summary\":\"Misbehaves.\",\"operations\":["
    BOTH("segfault") BOTH("abort") BOTH("loop") BOTH("leak") BOTH("garbage") BOTH("misfit") BOTH("exit")
    BOTH("pipes") BOTH("scribble") BOTH("huge") BOTH("nowhere") BOTH("late") BOTH("refuse") BOTH("status")
    BOTH("stack") BOTH("threads") BOTH("secret") BOTH("call") BOTH("flood") BOTH("environment")
    BOTH("leave") BOTH("noise")
    BOTH("http") BOTH("denies") WRITE("failover") WRITE("half") WRITE("in_part") WRITE("forgets") WRITE("gives_up")
    WRITE("finds_out") BOTH("fetches")
    READ("stray") READ("heard") READ("helper") READ("secrets") READ("fetch")
    "{\"name\":\"composed_loop\",\"summary\":\"Misbehave.\",\"effect\":\"read\",\"calls\":true,"
    "\"request_schema\":{},\"answer_schema\":{\"type\":\"object\"}},"
    "{\"name\":\"write_unprepared\",\"summary\":\"Misbehave.\",\"effect\":\"write\",\"key\":\"required\","
    "\"prepares\":true,\"request_schema\":{},\"answer_schema\":{\"type\":\"object\"}},"
    READ("well") "{\"name\":\"write_well\",\"summary\":\"Behave.\",\"effect\":\"write\",\"key\":\"required\","
    "\"request_schema\":{},\"answer_schema\":{\"type\":\"object\"}}],\"sources\":["
    SOURCE("segfault") SOURCE("loop") SOURCE("garbage") SOURCE("many") SOURCE("nameless") SOURCE("refuse")
    SOURCE("adrift")
    SOURCE("forgetful") "{\"name\":\"on_hold\",\"waits\":true}]}";
#endif

static int32_t say(GesherBuffer *output, int32_t status, const char *text) {
  output->len = output->cap = strlen(text);
  output->ptr = malloc(output->len + 1);
  memcpy(output->ptr, text, output->len);
  return status;
}

static void give_back(GesherBuffer buffer) { free(buffer.ptr); }

static const GesherHostV1 *the_host;
static uint64_t the_call;

static int32_t ask(const char *name, const char *input, GesherBuffer *answer) {
  GesherBytes what = {(const uint8_t *)name, strlen(name)}, with = {(const uint8_t *)input, strlen(input)};
  return the_host->ask(the_call, what, with, answer);
}

static void post(const char *url) {
  char request[256];
  GesherBuffer answer = {NULL, 0, 0};
  snprintf(request, sizeof request, "{\"method\":\"POST\",\"url\":\"%s\"}", url);
  ask("http", request, &answer);
  the_host->free(answer);
}

/* Goes on asking after the call is over. */
static void *lurk(void *unused) {
  for (;;) {
    GesherBuffer answer = {NULL, 0, 0};
    ask("log", "{\"level\":\"info\",\"message\":\"I am still here\"}", &answer);
    the_host->free(answer);
    usleep(1000);
  }
  return unused;
}

/* Questions of threads of `stray` that were answered as if `heard` had asked them. */
static int strays;

/* Asks on behalf of its own call until it is told that it is over. What it asks for is refused to the operation that the
 * hub takes it for. */
static void *stray(void *call) {
  static const char request[] = "{\"operation\":\"officeguy.charge\",\"request\":{}}";
  for (;;) {
    GesherBytes what = {(const uint8_t *)"call", 4}, with = {(const uint8_t *)request, sizeof request - 1};
    GesherBuffer answer = {NULL, 0, 0};
    int32_t status = the_host->ask((uint64_t)(uintptr_t)call, what, with, &answer);
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)answer.len, (const char *)answer.ptr);
    the_host->free(answer);
    if (status == GESHER_OVER) return NULL;
    if (strstr(text, "; heard ") != NULL) __sync_fetch_and_add(&strays, 1);
  }
}

/* Closes the pipes, or writes into them, once the call is over. */
static void *later(void *noise) {
  usleep(50 * 1000);
  for (int descriptor = 3; descriptor < 1024; descriptor++)
    if (noise == NULL) close(descriptor);
    else if (write(descriptor, "hello again, hub!", 17) < 0) continue;
  return NULL;
}

static int deep(int level) {
  volatile char room[4096];
  room[0] = (char)level;
  return level < 0 ? 0 : deep(level + 1) + room[0];
}

static int32_t misbehave(const char *how, GesherBuffer *output) {
  if (!strcmp(how, "segfault")) *(volatile int *)8 = 1;
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "exit")) exit(0);
  if (!strcmp(how, "loop")) for (;;) usleep(1000);
  if (!strcmp(how, "stack")) return deep(0);
  if (!strcmp(how, "leak")) {
    for (;;) {
      char *lost = malloc(1 << 20);
      if (lost == NULL) abort();
      lost[0] = 1;
    }
  }
  if (!strcmp(how, "garbage")) return say(output, GESHER_OK, "}{ \xff\xfe not JSON");
  if (!strcmp(how, "misfit")) return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":[1]}");
  if (!strcmp(how, "status")) return say(output, 4711, "a status that there is not");
  if (!strcmp(how, "refuse")) return say(output, GESHER_REFUSED, "{\"code\":\"no\",\"message\":\"not today\"}");
  if (!strcmp(how, "pipes")) {
    for (int descriptor = 0; descriptor < 1024; descriptor++) close(descriptor);
    return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":{}}");
  }
  if (!strcmp(how, "scribble")) {
    for (int descriptor = 1; descriptor < 1024; descriptor++)
      if (descriptor != 2 && write(descriptor, "hello, hub! this is no frame at all", 35) < 0) continue;
    return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":{}}");
  }
  if (!strcmp(how, "huge")) {
    output->len = output->cap = (size_t)64 << 20;
    output->ptr = malloc(output->len);
    memset(output->ptr, 'x', output->len);
    return GESHER_OK;
  }
  if (!strcmp(how, "nowhere")) {
    output->ptr = NULL;
    output->len = 1 << 30;
    return GESHER_OK;
  }
  if (!strcmp(how, "late")) {
    usleep(3500 * 1000);
    return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":{\"late\":true}}");
  }
  if (!strcmp(how, "threads")) {
    for (int at = 0; at < 4; at++) {
      pthread_t thread;
      pthread_create(&thread, NULL, lurk, NULL);
    }
    return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":{}}");
  }
  if (!strcmp(how, "stray")) {
    for (int at = 0; at < 4; at++) {
      pthread_t thread;
      pthread_create(&thread, NULL, stray, (void *)(uintptr_t)the_call);
    }
    usleep(5 * 1000);
    return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":{}}");
  }
  if (!strcmp(how, "heard")) {
    char text[64];
    usleep(20 * 1000);
    snprintf(text, sizeof text, "{\"status\":\"succeeded\",\"data\":{\"strays\":%d}}", strays);
    return say(output, GESHER_OK, text);
  }
  if (!strcmp(how, "helper")) {
    char text[64];
    int helper = fork();
    if (helper == 0) {
      execl("/bin/sleep", "sleep", "300", (char *)NULL);
      _exit(1);
    }
    snprintf(text, sizeof text, "{\"status\":\"succeeded\",\"data\":{\"pid\":%d}}", helper);
    return say(output, GESHER_OK, text);
  }
  if (!strcmp(how, "leave") || !strcmp(how, "noise")) {
    pthread_t thread;
    pthread_create(&thread, NULL, later, strcmp(how, "leave") ? output : NULL);
    return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":{}}");
  }
  if (!strcmp(how, "environment")) {
    char text[256];
    int open = 0;
    for (int descriptor = 3; descriptor < 1024; descriptor++) open += fcntl(descriptor, F_GETFD) >= 0;
    snprintf(text, sizeof text, "{\"status\":\"succeeded\",\"data\":{\"path\":\"%s\",\"open\":%d,\"pid\":%d,\"thread\":%ld}}",
             getenv("GESHER_SECRET_X") ? "there" : "", open, (int)getpid(), (long)syscall(SYS_gettid));
    return say(output, GESHER_OK, text);
  }
  GesherBuffer answer = {NULL, 0, 0};
  int32_t status = GESHER_OK;
  if (!strcmp(how, "http") || !strcmp(how, "denies"))
    status = ask("http", "{\"method\":\"POST\",\"url\":\"https://api.example.com/\"}", &answer);
  /* Whatever came of it, it says that nothing was done. */
  if (!strcmp(how, "denies")) {
    the_host->free(answer);
    return say(output, GESHER_REFUSED, "{\"code\":\"no\",\"message\":\"not today\"}");
  }
  /* What was lost there is sent elsewhere, and where that fails too, nothing was sent. */
  if (!strcmp(how, "failover")) {
    post("https://lost.example.com/a");
    post("https://away.example.com/b");
    return say(output, GESHER_OK, "{\"status\":\"not_sent\"}");
  }
  /* The first half was done, and the second reached nobody. */
  if (!strcmp(how, "half")) {
    post("https://api.example.com/reserve");
    post("https://away.example.com/confirm");
    return say(output, GESHER_OK, "{\"status\":\"not_sent\"}");
  }
  /* The same, and the hub refuses the second. */
  if (!strcmp(how, "in_part")) {
    post("https://api.example.com/reserve");
    post("https://else.example.com/confirm");
    return say(output, GESHER_OK, "{\"status\":\"rejected\",\"code\":\"no\"}");
  }
  if (!strcmp(how, "forgets")) {
    post("https://lost.example.com/a");
    return say(output, GESHER_NO_SUCH_NAME, "");
  }
  if (!strcmp(how, "gives_up")) {
    post("https://lost.example.com/a");
    return say(output, GESHER_OK, "{\"status\":\"rejected\",\"code\":\"no\"}");
  }
  /* It asks what became of it before it says that nothing did. */
  if (!strcmp(how, "finds_out")) {
    post("https://lost.example.com/a");
    status = ask("http", "{\"url\":\"https://api.example.com/a\"}", &answer);
    the_host->free(answer);
    return say(output, GESHER_OK, "{\"status\":\"rejected\",\"code\":\"no\"}");
  }
  if (!strcmp(how, "fetches")) {
    for (int at = 0; at < 3 && status == GESHER_OK; at++) {
      the_host->free(answer);
      status = ask("http", "{\"url\":\"https://api.example.com/\"}", &answer);
    }
  }
  if (!strcmp(how, "secret")) status = ask("secret", "officeguy.api_key", &answer);
  if (!strcmp(how, "secrets")) {
    ask("secret", "officeguy.api_key", &answer);
    the_host->free(answer);
    status = ask("secret", "officeguy.api_key", &answer);
  }
  if (!strcmp(how, "fetch"))
    status = ask("http", "{\"method\":\"GET\",\"url\":\"http://example.com/\"}", &answer);
  if (!strcmp(how, "call")) status = ask("call", "{\"operation\":\"officeguy.charge\",\"request\":{}}", &answer);
  if (!strcmp(how, "flood")) {
    for (int at = 0; at < 200; at++) {
      the_host->free(answer);
      status = ask("log", "{\"level\":\"info\",\"message\":\"" WATER "\"}", &answer);
    }
  }
  if (status != GESHER_OK) {
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)answer.len, (const char *)answer.ptr);
    the_host->free(answer);
    return say(output, status, text);
  }
  the_host->free(answer);
  return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":{\"well\":true}}");
}

/* Event sources that misbehave: too many events, events without an id, a wait that nothing ends. */
static int32_t look(const char *how, GesherBuffer *output) {
  if (!strcmp(how, "hold")) for (;;) usleep(1000);
  /* Without a cursor the next look would begin from the first event. */
  if (!strcmp(how, "adrift")) return say(output, GESHER_OK, "{\"events\":[{\"id\":\"a\",\"data\":1}]}");
  if (!strcmp(how, "nameless")) return say(output, GESHER_OK, "{\"events\":[{\"data\":7}],\"cursor\":1}");
  /* The same events for ever, whatever the cursor. */
  if (!strcmp(how, "forgetful"))
    return say(output, GESHER_OK, "{\"events\":[{\"id\":\"a\",\"data\":1},{\"id\":\"b\",\"data\":2}],\"cursor\":null}");
  if (!strcmp(how, "many")) {
    size_t at = 0, size = 64 * 1200;
    char *text = malloc(size);
    at += (size_t)snprintf(text, size, "{\"cursor\":1,\"events\":[");
    for (int event = 0; event < 1001; event++)
      at += (size_t)snprintf(text + at, size - at, "%s{\"id\":\"%d\",\"data\":{}}", event ? "," : "", event);
    snprintf(text + at, size - at, "]}");
    int32_t status = say(output, GESHER_OK, text);
    free(text);
    return status;
  }
  return misbehave(how, output);
}

static int32_t invoke(const GesherHostV1 *host, uint64_t call, GesherBytes name, GesherBytes input,
                      GesherBuffer *output) {
  char how[64];
  (void)input;
  the_host = host;
  the_call = call;
  snprintf(how, sizeof how, "%.*s", (int)name.len, (const char *)name.ptr);
  if (strncmp(how, "poll/on_", 8) == 0) return look(how + 8, output);
  if (!strncmp(how, "prepare/", 8)) abort();
  const char *word = strncmp(how, "call/write_", 11) == 0 ? how + 11 : how + 5;
  if (!strncmp(word, "composed_", 9)) word += 9;
  return misbehave(word, output);
}

const GesherPluginV1 *SYMBOL(void) {
#ifdef NOTHING
  return NULL;
#endif
  static const GesherPluginV1 plugin = {
      SIZE, ABI, {(const uint8_t *)MANIFEST, sizeof MANIFEST - 1}, invoke, give_back};
  return &plugin;
}

#ifdef DIES_WHEN_LOADED
__attribute__((constructor)) static void die(void) { *(volatile int *)8 = 1; }
#endif
