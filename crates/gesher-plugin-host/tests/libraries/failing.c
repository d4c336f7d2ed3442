/* A library that charges in parts through the hub and fails as a plan says, for the tests of what an interruption
 * leaves behind. The plan is a file with a line for each execution: a letter, and after how many parts. */

#include "gesher_plugin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MANIFEST[] =
    "{\"abi\":1,\"name\":\"failing\",\"version\":\"1\",\"summary\":\"Charges in parts, and fails.\",\"operations\":["
    "{\"name\":\"pay\",\"summary\":\"Charge in parts, and fail.\",\"effect\":\"read\",\"calls\":true,"
    "\"request_schema\":{\"type\":\"object\",\"properties\":{\"order\":{\"type\":\"string\"},"
    "\"parts\":{\"type\":\"integer\"},\"plan\":{\"type\":\"string\"},\"token\":{\"type\":\"string\"}},"
    "\"required\":[\"order\",\"parts\",\"plan\",\"token\"]},\"answer_schema\":{\"type\":\"object\"}}]}";

static int32_t say(GesherBuffer *output, int32_t status, const char *text) {
  output->len = output->cap = strlen(text);
  output->ptr = malloc(output->len + 1);
  memcpy(output->ptr, text, output->len);
  return status;
}

static void give_back(GesherBuffer buffer) { free(buffer.ptr); }

typedef struct {
  const GesherHostV1 *host;
  uint64_t call;
} Hub;

static int32_t ask(const Hub *hub, const char *name, const char *input, char *answer, size_t room) {
  GesherBytes what = {(const uint8_t *)name, strlen(name)}, with = {(const uint8_t *)input, strlen(input)};
  GesherBuffer said = {NULL, 0, 0};
  int32_t status = hub->host->ask(hub->call, what, with, &said);
  snprintf(answer, room, "%.*s", (int)said.len, (const char *)said.ptr);
  hub->host->free(said);
  return status;
}

/* The text or the number behind a field's name. */
static void field(const char *json, const char *name, char *value, size_t room) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":", name);
  const char *at = strstr(json, quoted);
  at = at == NULL ? "" : at + strlen(quoted);
  if (*at == '"') at++;
  snprintf(value, room, "%.*s", (int)strcspn(at, "\",}"), at);
}

/* The line of the plan for this execution; empty behind the last. */
static void next_line(const char *plan, char *line, size_t room) {
  char path[512];
  struct stat begun;
  snprintf(path, sizeof path, "%s.begun", plan);
  int counter = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  int counted = write(counter, ".", 1) == 1 && fstat(counter, &begun) == 0;
  close(counter);
  line[0] = 0;
  FILE *lines = fopen(plan, "r");
  for (long at = 0; counted && lines != NULL && at < begun.st_size; at++)
    if (fgets(line, (int)room, lines) == NULL) line[0] = 0;
  if (lines != NULL) fclose(lines);
}

/* Fails, or waits; zero where the operation goes on. */
static int32_t fail(const Hub *hub, char how, GesherBuffer *output) {
  char answer[256];
  switch (how) {
  case 'e': exit(3);
  case 's': *(volatile int *)8 = 1; return 0;
  case 'l': for (;;) sleep(1);
  case 'g': return say(output, GESHER_OK, "}{ not JSON"), 1;
  case 'W': usleep(3000 * 1000); return 0;
  case 'w':
    for (int at = 0; at < 120; at++) {
      if (ask(hub, "cancelled", "", answer, sizeof answer) != GESHER_OK || !strcmp(answer, "true"))
        return say(output, GESHER_REFUSED, "{\"code\":\"gave_up\",\"message\":\"the hub stops\"}"), 2;
      usleep(25 * 1000);
    }
    return 0;
  default: return 0;
  }
}

static int32_t pay(const Hub *hub, const char *input, GesherBuffer *output) {
  char order[64], parts[16], plan[400], token[128], line[32], request[1024], answer[8192];
  field(input, "order", order, sizeof order);
  field(input, "parts", parts, sizeof parts);
  field(input, "plan", plan, sizeof plan);
  field(input, "token", token, sizeof token);
  next_line(plan, line, sizeof line);
  for (int part = 0; part <= atoi(parts); part++) {
    if (line[0] != 0 && atoi(line + 1) == part) {
      int32_t failed = fail(hub, line[0], output);
      if (failed != 0) return failed == 1 ? GESHER_OK : GESHER_REFUSED;
    }
    if (part == atoi(parts)) break;
    snprintf(request, sizeof request,
             "{\"operation\":\"officeguy.charge\",\"key\":\"%s/%d\",\"request\":{\"Customer\":{"
             "\"ExternalIdentifier\":\"%s/%d\",\"Name\":\"%s\",\"SearchMode\":\"ExternalIdentifier\"},"
             "\"PaymentMethod\":{\"CreditCard_Token\":\"%s\",\"CreditCard_ExpirationMonth\":12,"
             "\"CreditCard_ExpirationYear\":2030,\"Type\":\"CreditCard\"},\"Items\":[{\"Item\":{\"Name\":\"Part\"},"
             "\"Quantity\":1,\"UnitPrice\":10}],\"VATIncluded\":true}}",
             order, part, order, part, order, token);
    int32_t status = ask(hub, "call", request, answer, sizeof answer);
    if (status == GESHER_OVER) return say(output, GESHER_OVER, "");
    if (status != GESHER_OK || strstr(answer, "\"status\":\"succeeded\"") == NULL) {
      fprintf(stderr, "part %d: %s\n", part, answer);
      return say(output, GESHER_REFUSED, "{\"code\":\"part\",\"message\":\"a part was refused\"}");
    }
  }
  return say(output, GESHER_OK, "{\"status\":\"succeeded\",\"data\":{}}");
}

static int32_t invoke(const GesherHostV1 *host, uint64_t call, GesherBytes name, GesherBytes input,
                      GesherBuffer *output) {
  char text[2048];
  Hub hub = {host, call};
  (void)name;
  snprintf(text, sizeof text, "%.*s", (int)input.len, (const char *)input.ptr);
  return pay(&hub, text, output);
}

const GesherPluginV1 *gesher_plugin_v1(void) {
  static const GesherPluginV1 plugin = {
      sizeof(GesherPluginV1), GESHER_ABI, {(const uint8_t *)MANIFEST, sizeof MANIFEST - 1}, invoke, give_back};
  return &plugin;
}
